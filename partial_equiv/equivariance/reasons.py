"""Why a layer breaks a symmetry that the layers before it keep: it is looked at alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf, pi

import torch
from torch import Tensor, nn

from partial_equiv.equivariance.actions import Action, Value
from partial_equiv.equivariance.errors import Errors, errors, values
from partial_equiv.equivariance.layouts import Transform, move
from partial_equiv.equivariance.recording import WHOLE, Call
from partial_equiv.equivariance.report import listed
from partial_equiv.equivariance.strides import broken_rules, remainders
from partial_equiv.equivariance.symmetric import symmetric
from partial_equiv.gconv import GroupFeature
from partial_equiv.groups import O2

__all__ = ["Looking", "compare"]

OFF = "its windows do not lie in the middle of the map: the stride rule asks for 0,"
EXCEEDS = 2.0  # times what a symmetric layer loses to interpolation is more than interpolation


def compare(transform: Transform, still: Call, found: Value | None) -> Errors:
    """The errors of f(T x) against T f(x); infinite if f(T x) is missing, or of another size."""
    try:
        expected = move(transform, still.output, still.layout)
    except ValueError:  # the elements of the feature are not closed under T
        return Errors(inf, inf, inf)
    if found is None or values(expected).shape != values(found).shape:
        return Errors(inf, inf, inf)
    return errors(found, expected)


@dataclass(frozen=True)
class Looking:
    """Looks at layers alone.

    Attributes:
        tolerance: largest relative error that counts as none.
        unmeasured: the names of the layers of which it is not known how their outputs move, in the
            order of the computation.
        function: the rule that a function outside of all layers breaks under a transform, if any.
    """

    tolerance: float
    unmeasured: Sequence[str]
    function: Callable[[Transform], str | None]

    def alone(self, call: Call, transform: Transform) -> Errors:
        """The errors of a layer whose inputs are transformed exactly."""
        return compare(transform, call, turned(call, transform))

    def random(self, call: Call, before: Value) -> str | None:
        """That a layer, or what is before it, is random, if it answered differently before."""
        if same(call.output, before, self.tolerance):
            return None
        try:
            itself = not same(call.again(lambda value, _: value), call.output, self.tolerance)
        except RuntimeError:
            itself = False
        if itself:
            return "it is random in evaluation: it answers the same images differently each time"
        return (
            "what is computed before it is random in evaluation: for the same images it is given "
            f"other values each time{self._missing()}"
        )

    def why(self, call: Call, transform: Transform) -> str:
        """Why a layer breaks a symmetry that its inputs do not."""
        if call.read is None:
            return "it reads no tensor or feature, so it cannot be looked at alone"
        try:
            alone = self.alone(call, transform)
        except TypeError as error:
            return f"it cannot be looked at alone, because what it reads cannot be moved: {error}"
        except (RuntimeError, ValueError) as error:
            first = str(error).partition("\n")[0]
            return f"it cannot be looked at alone, with its inputs transformed: {first}"
        if alone.relative <= self.tolerance:
            if rule := self.function(transform):
                return (
                    f"it is exact, but a function before it breaks the stride rule: {rule}, not 0"
                )
            return f"it is exact, but what is computed before it is not{self._missing()}"
        if alone.relative == inf:
            return unclosed(call, transform)
        for reason in (self._stride, self._transposed, self._border):
            if found := reason(call, transform):
                return found
        if rule := self.function(transform):
            return f"a function that it calls breaks the stride rule: {rule}, not 0"
        if any(call.layer.children()) and not isinstance(call.layer, WHOLE):
            inside = [n for n in self.unmeasured if not call.name or n.startswith(f"{call.name}.")]
            parts = f", or in its parts that are not measured: {listed(inside)}" if inside else ""
            return f"what it computes itself, outside of its layers{parts}, does not commute"
        return "the layer itself does not commute with the transform"

    def exceeds(self, call: Call, transform: Transform) -> str | None:
        """Why a layer loses more than what interpolation takes, if it does.

        What commutes with a turn by 45° commutes with one by 90°, which moves whole pixels. A
        convolution that passes there is compared with one whose kernel is the mean of its own over
        all angles.
        """
        try:
            alone = self.alone(call, transform)
            if alone.relative <= self.tolerance:
                return None
            if alone.relative == inf:
                return unclosed(call, transform)
            for exact in exact_ones(transform):
                if not self.alone(call, exact).relative <= self.tolerance:
                    return f"{self.why(call, exact)}, even if whole pixels move"
        except (RuntimeError, TypeError, ValueError):  # nothing is known of it
            return None
        if type(call.layer) is not nn.Conv2d:
            return None
        lost, least = inside(call, transform), inside(symmetric(call), transform)
        if lost <= EXCEEDS * least:
            return None
        return (
            f"the layer itself does not commute with the transform: in the middle of the map its "
            f"error is {lost:.2g}, and {least:.2g} with a kernel that is the same in all directions"
        )

    def _missing(self) -> str:
        if not self.unmeasured:
            return ", outside of any layer"
        return f"; layers before it that are not measured: {listed(self.unmeasured)}"

    def _stride(self, call: Call, transform: Transform) -> str | None:
        assert call.read is not None
        maps = values(call.read)
        if not (rules := broken_rules(call.layer, maps)):
            return None
        rows, columns = remainders(call.layer, maps)

        def trim(value: Value) -> Value:
            return on_maps(value, lambda x: x[..., : x.shape[-2] - rows, : x.shape[-1] - columns])

        expected = replace(call, output=call.again(lambda value, _: trim(value)))
        found = call.again(lambda value, layout: move(transform, trim(value), layout))
        if not compare(transform, expected, found).relative <= self.tolerance:
            return None
        return f"{OFF} but {', '.join(rules)}"

    def _transposed(self, call: Call, transform: Transform) -> str | None:
        if not isinstance(call.layer, nn.ConvTranspose2d) or not any(call.layer.output_padding):
            return None
        rows, columns = call.layer.output_padding

        def trim(value: Value) -> Value:
            return on_maps(value, lambda x: x[..., : x.shape[-2] - rows, : x.shape[-1] - columns])

        expected = replace(call, output=trim(call.output))
        found = trim(turned(call, transform))
        if not compare(transform, expected, found).relative <= self.tolerance:
            return None
        return f"{OFF} but output_padding={call.layer.output_padding} adds pixels on one side only"

    def _border(self, call: Call, transform: Transform) -> str | None:
        if values(call.output).dim() < 4:
            return None
        if not inside(call, transform) <= self.tolerance:
            return None
        return "it is exact in the middle of the map, and breaks at the border"


def turned(call: Call, transform: Transform) -> Value:
    """What a layer gives if its inputs are transformed."""
    return call.again(lambda value, layout: move(transform, value, layout))


def inside(call: Call, transform: Transform) -> float:
    """The relative error of a layer that gives maps, alone, in the middle of the map."""
    there = on_maps(move(transform, call.output, call.layout), centre)
    return errors(on_maps(turned(call, transform), centre), there).relative


def same(one: Value, other: Value, tolerance: float) -> bool:
    """Whether two answers to the same images agree."""
    there, here = values(one), values(other)
    return there.shape == here.shape and errors(there, here).relative <= tolerance


def unclosed(call: Call, transform: Transform) -> str:
    """Why there is nothing that a layer's output can be compared with."""
    try:
        move(transform, call.output, call.layout)
    except ValueError:
        return "the elements that it keeps are not closed under the transform"
    return "the size of its output changes under the transform"


def exact_ones(transform: Transform) -> list[Action]:
    """The quarter turn, and the mirror for a transform that mirrors, if they are in its group."""
    if not isinstance(transform, Action):
        return []
    group, mirrors = transform.group, bool(transform.group.matrix(transform.element).det() < 0)
    found = [torch.tensor([pi / 2, 0.0])] + [torch.tensor([0.0, 1.0])] * mirrors
    return [
        Action(O2(), each, transform.representation)
        for each in found
        if group.contains(O2().matrix(each).to(transform.element))
    ]


def on_maps(value: Value, function: Callable[[Tensor], Tensor]) -> Value:
    """A function of maps [..., H, W] applied to a value."""
    return value.map(function) if isinstance(value, GroupFeature) else function(value)


def centre(x: Tensor) -> Tensor:
    """Maps [..., H, W] without a quarter of their size at each side."""
    rows, columns = x.shape[-2] // 4, x.shape[-1] // 4
    return x[..., rows : x.shape[-2] - rows, columns : x.shape[-1] - columns]
