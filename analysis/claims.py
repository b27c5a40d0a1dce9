r"""What rows of numbers say: means, paired differences, and what becomes of claims.

A row is {seed: value}. Two rows are compared over the seeds that both have: d̄ ± t·s/√n, with
Student's t of n - 1 degrees of freedom, is the 95 % interval of their mean difference. A claim is
supported or refuted if the whole interval says so, else undecided; if one of its rows has no value
yet, it is not run.
"""

import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf, isfinite, nan, sqrt
from statistics import fmean, stdev
from typing import Literal

from partial_equiv.refusal import Refusal

__all__ = [
    "Interval",
    "Judgement",
    "Values",
    "Verdict",
    "difference",
    "interval",
    "judge",
]

Values = Mapping[int, float]
"""What a row came to, by seed; NaN for a run that has no finite value."""

Verdict = Literal["supported", "undecided", "refuted", "not run"]

NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
CLAIM = re.compile(r"\s*(.*?\S)\s*([<>]=?)\s*(\S.*?)\s*")
SIGNS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
ROUNDING = 1e-9  # of the largest number of a claim: less than this is the same


@dataclass(frozen=True)
class Interval:
    """A mean over `num` values, and the bounds of its 95 % interval (unbounded for one value)."""

    mean: float
    low: float
    high: float
    num: int


@dataclass(frozen=True)
class Judgement:
    """What became of a claim, and the interval of its left side less its right side.

    A number that is added to a row is left out of it: of "A >= B - 0.1" it is that of A less B.
    `rows` are those that it names, the left one first.
    """

    claim: str
    verdict: Verdict
    interval: Interval
    rows: tuple[str, ...]


@dataclass(frozen=True)
class _Side:
    """A side of a claim: a row, or none, plus a number."""

    row: str | None
    offset: float


def interval(values: Iterable[float]) -> Interval:
    """The mean of values and its 95 % interval; where one is not finite, nothing is known.

    >>> interval([0.0, 1.0, 2.0]).mean
    1.0
    """
    values = list(values)
    num = len(values)
    if not all(map(isfinite, values)):
        return Interval(nan, -inf, inf, num)
    if num < 2:
        return Interval(fmean(values) if values else nan, -inf, inf, num)
    from scipy.special import stdtrit

    half = float(stdtrit(num - 1, 0.975)) * stdev(values) / sqrt(num)
    return Interval(fmean(values), fmean(values) - half, fmean(values) + half, num)


def difference(one: Values, other: Values) -> Interval:
    """The mean of one row less the other, over the seeds that both have."""
    return interval(one[seed] - other[seed] for seed in sorted(one.keys() & other.keys()))


def judge(claim: str, rows: Mapping[str, Values]) -> Judgement:
    """Judge a claim, which compares rows, numbers, and rows give or take a number.

    Numbers that agree to nine digits are the same, so that rounding decides nothing.

    Args:
        claim: such as "A >= B - 0.002", "A < 0.5" or "A - 1e-3 > -0.2".
        rows: all that it may name; those that nobody ran yet have no values.

    Raises:
        Refusal: if it cannot be read, names no row at all, or one that there is not.

    >>> judge("A >= B + 0.1", {"A": {0: 0.9, 1: 0.9}, "B": {0: 0.8, 1: 0.8}}).verdict
    'supported'
    """
    match = CLAIM.fullmatch(claim)
    if match is None:
        raise Refusal(f"{claim}: should be written A >= B - 0.01, with rows or a number as B")
    left, right = (_side(text, claim, rows) for text in (match[1], match[3]))
    names = tuple(side.row for side in (left, right) if side.row is not None)
    about = [rows[name] for name in names]
    if not about:
        raise Refusal(f"{claim}: names no row, there are {', '.join(rows)}")
    if not all(about):
        return Judgement(claim, "not run", interval([]), names)
    margin = right.offset - left.offset
    if left.row is not None and right.row is not None:
        found = difference(rows[left.row], rows[right.row])
    else:  # a number is a row that is everywhere the same
        sign = 1 if left.row is not None else -1
        found = interval(sign * value - margin for value in about[0].values())
        margin = 0.0
    numbers = [left.offset, right.offset, *(each for row in about for each in row.values())]
    same = ROUNDING * max(abs(each) for each in numbers if isfinite(each))
    gaps = (found.low - margin, found.high - margin)
    holds = {SIGNS[match[2]](0.0 if abs(gap) <= same else gap, 0.0) for gap in gaps}
    verdict: Verdict = "undecided" if len(holds) == 2 else "refuted"
    return Judgement(claim, "supported" if holds == {True} else verdict, found, names)


def _side(text: str, claim: str, rows: Mapping[str, Values]) -> _Side:
    """Read a side of a claim; a row is found first, as its name may hold signs and numbers."""
    if text in rows:
        return _Side(text, 0.0)
    if re.fullmatch(rf"[+-]?{NUMBER}", text):
        return _Side(None, float(text))
    split = re.fullmatch(rf"(.*\S)\s*([+-])\s*({NUMBER})", text)
    name, offset = (split[1], float(split[2] + split[3])) if split else (text, 0.0)
    if name not in rows:
        raise Refusal(f"{claim}: there is no row {name}, only {', '.join(rows)}")
    return _Side(name, offset)
