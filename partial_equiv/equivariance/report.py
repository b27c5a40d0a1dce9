"""What the meter says: the errors of every layer, which one breaks first, and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isnan
from statistics import fmean

from partial_equiv.equivariance.errors import Errors
from partial_equiv.refusal import Refusal

__all__ = ["LayerErrors", "Report", "listed"]


@dataclass(frozen=True)
class LayerErrors:
    """The errors of one layer.

    Attributes:
        name: of the module; with :2, :3, … for further calls of the same one, and [0], [1], … for
            the values in what it gives, if that is a tuple. "" is the module that is measured.
        kind: its class.
        each: the errors under each transform.
    """

    name: str
    kind: str
    each: tuple[Errors, ...]

    @property
    def label(self) -> str:
        """The name; "output" for that of the module that is measured."""
        return f"output{self.name}" if self.name[:1] in ("", "[") else self.name

    @property
    def mean(self) -> Errors:
        """The mean over the transforms."""
        mse, l1 = fmean(e.mse for e in self.each), fmean(e.l1 for e in self.each)
        return Errors(mse, l1, fmean(e.relative for e in self.each))

    @property
    def worst(self) -> int:
        """The place of the transform with the largest relative error, or with one that is NaN."""
        errors = [inf if isnan(each.relative) else each.relative for each in self.each]
        return errors.index(max(errors))


@dataclass(frozen=True)
class Report:
    """The errors of all layers, in the order of the computation; the module itself comes last.

    Attributes:
        layers: what was measured.
        first_break: the first layer that exceeds the tolerance; None if none does.
        reason: why that one does; "" if none does.
        unmeasured: why other layers are not measured, by their labels.
    """

    layers: tuple[LayerErrors, ...]
    first_break: LayerErrors | None
    reason: str
    unmeasured: Mapping[str, str] = field(default_factory=dict)

    @property
    def output(self) -> LayerErrors:
        """The errors of the module itself.

        Raises:
            Refusal: if the transforms do not know its output, or if it gives several values.
        """
        last = self.layers[-1].name if self.layers else None
        if last is None or last[:1] not in ("", "["):
            raise Refusal("it is not known how the module's output transforms")
        if last:
            raise Refusal(f"the module gives several values: see layers, output{last} and others")
        return self.layers[-1]

    @property
    def mse(self) -> float:
        """That of the module's output, as a mean over the transforms."""
        return self.output.mean.mse

    @property
    def l1(self) -> float:
        """That of the module's output, as a mean over the transforms."""
        return self.output.mean.l1

    @property
    def relative(self) -> float:
        """That of the module's output, as a mean over the transforms."""
        return self.output.mean.relative

    def __str__(self) -> str:
        if not self.layers:
            none = "nothing to measure: it is not known how the output of any layer transforms"
            return "\n".join([none, *self._left()])
        width = max(len(layer.label) for layer in self.layers)
        lines = [f"{'layer':{width}}       mse        l1  relative"]
        for layer in self.layers:
            mean = layer.mean
            lines.append(
                f"{layer.label:{width}}{mean.mse:10.2g}{mean.l1:10.2g}{mean.relative:10.2g}"
            )
        first = self.first_break
        if first is not None:
            verdict = f"first break: {first.label} ({first.kind}): {self.reason}"
        elif self.layers[-1].label.startswith("output"):
            verdict = "equivariant"
        else:
            verdict = "no break, but it is not known how the module's output transforms"
        return "\n".join([*lines, *self._left(), verdict])

    def _left(self) -> list[str]:
        """Which layers are not measured, and why: a line for each reason, the longest first."""
        whys = Counter(self.unmeasured.values()).most_common()
        lines = []
        for why, _ in whys[:3]:
            names = [name for name, each in self.unmeasured.items() if each == why]
            lines.append(f"not measured: {listed(names)}: {why}")
        more = sum(number for _, number in whys[3:])
        return lines + [f"not measured: {more} more, for other reasons"] * (more > 0)


def listed(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more
