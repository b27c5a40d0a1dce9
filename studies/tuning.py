"""Tuning: each row tries some settings on the validation images, and is run with the best of them.

    tuning:
      settings: {slow: [train.learning_rate=3e-3], fast: [train.learning_rate=1e-2]}
      by: {val/accuracy: highest, val/loss: lowest}
      seed: 100

A trial is a run of its own, in the folder <row>/tuning/<setting>/seed=100 of the study's. It is
made with `test=False`: the test images decide nothing, and nobody looks at them before the row's
own runs do. Those wait for the trials. Which setting is best is found anew from the trials' results
whenever it is asked, so that an interrupted study goes on as it began.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

from partial_equiv.intervals import Natural
from partial_equiv.refusal import Refusal

__all__ = ["TRIAL", "Trial", "Tuning", "Words"]

TRIAL = "test=False"
"""The word that makes a run a trial."""

Words: TypeAlias = Sequence[str | Sequence[str | Sequence[str]]]
"""Words, and lists of words that several rows share by an anchor of YAML's."""


class Trial(NamedTuple):
    """A trial of a row: the name of its folder, and the words of the setting that it tries."""

    name: str
    setting: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """What its run is made with, beside the words of its row."""
        return (*self.setting, TRIAL)


@dataclass(frozen=True)
class Tuning:
    """How the rows of a study are tuned.

    Attributes:
        settings: words by name, one trial for each.
        options: in their place, the settings of the rows with an option of an axis, by its name;
            all rows try as many.
        by: figures of a trial's result, and whether the highest or the lowest is best; of several,
            the first one that the trials have decides.
        seed: of the trials.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    settings: Mapping[str, Words] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Words]] = field(default_factory=dict)
    by: Mapping[str, Literal["highest", "lowest"]] = field(
        default_factory=lambda: {"val/accuracy": "highest", "val/loss": "lowest"}
    )
    seed: Natural = 100

    def figure(self, result: Mapping[str, Any]) -> str:
        """The name of the figure that decides.

        Raises:
            Refusal: if a trial has none of them.

        >>> Tuning().figure({"val/loss": 0.5})
        'val/loss'
        """
        found = next((name for name in self.by if name in result), None)
        if found is None:
            raise Refusal(f"study.tuning.by: a trial has none of {', '.join(self.by)}")
        return found

    def best(self, results: Mapping[str, Mapping[str, Any]]) -> str:
        """The name of the best of some trials; of equal ones, the first.

        A figure that is not finite is worse than any other.

        Args:
            results: of the trials by their names, in the order of their settings.

        Raises:
            Refusal: if the trials have no figure in common that decides.

        >>> Tuning().best({"slow": {"val/loss": 0.5}, "fast": {"val/loss": 0.4}})
        'fast'
        """
        names = {self.figure(result) for result in results.values()}
        if len(names) > 1:
            raise Refusal(f"study.tuning.by: some trials have {' alone, others '.join(names)}")
        (name,) = names
        sign = 1 if self.by[name] == "highest" else -1

        def goodness(trial: str) -> tuple[bool, float]:
            value = results[trial][name]
            known = value is not None and isfinite(value)
            return known, sign * value if known else 0.0

        return max(results, key=goodness)
