"""Number types with bounds, so that a constructor's signature says which values it takes.

`Annotated[int, Interval(1)]` is an `int` to Python and a checked range to a schema reader such as
pydantic, which finds the bounds through `__get_pydantic_core_schema__`; the library itself needs
nothing but torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Annotated, Any

__all__ = [
    "Count",
    "Fraction",
    "Interval",
    "Natural",
    "NonNegative",
    "Positive",
    "Several",
    "Share",
]


@dataclass(frozen=True)
class Interval:
    """The numbers from `low` to `high`, without themselves if `open_low`, `open_high`."""

    low: float = -inf
    high: float = inf
    open_low: bool = False
    open_high: bool = False

    def __get_pydantic_core_schema__(
        self, source: object, handler: Callable[[object], dict[str, Any]]
    ) -> dict[str, Any]:
        schema = handler(source)
        if self.low > -inf:
            schema["gt" if self.open_low else "ge"] = self.low
        if self.high < inf:
            schema["lt" if self.open_high else "le"] = self.high
        return schema


Count = Annotated[int, Interval(1, 2**31 - 1)]
Several = Annotated[int, Interval(2, 2**31 - 1)]
Natural = Annotated[int, Interval(0, 2**31 - 1)]
Fraction = Annotated[float, Interval(0, 1)]
Share = Annotated[float, Interval(0, 1, open_high=True)]  # of things that must not be all
Positive = Annotated[float, Interval(0, open_low=True)]
NonNegative = Annotated[float, Interval(0)]
