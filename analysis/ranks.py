r"""Ranks of methods over tasks, and the difference of mean ranks that counts as one.

On each of N tasks, k methods are ranked (1 is best, equal ones share the mean of their ranks).
Friedman's statistic asks whether the mean ranks R_j differ at all,

    χ² = 12N / (k(k + 1)) · Σ_j (R_j − (k + 1)/2)²

(for the ranks that ties leave, divided by 1 − Σ (t³ − t) / (N(k³ − k))), and two methods differ if
their mean ranks do by at least Nemenyi's critical difference, q √(k(k + 1) / 6N), with q the 95 %
point of the studentised range of k means over √2. (J. Demšar, "Statistical Comparisons of
Classifiers over Multiple Data Sets", JMLR 7, 2006.)
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, sqrt
from statistics import fmean

from analysis.claims import Values, difference

__all__ = ["Ranks", "distinguished", "ranks"]


@dataclass(frozen=True)
class Ranks:
    """What the methods' ranks over the tasks come to.

    Attributes:
        mean: rank of each method, the best one first.
        tasks: number of them.
        p_value: of Friedman's test that the methods are all alike.
        critical: difference of two mean ranks that counts at 5 %.
    """

    mean: Mapping[str, float]
    tasks: int
    p_value: float
    critical: float

    def __str__(self) -> str:
        """The statement that goes with the ranks, in plain English."""
        what = f"{len(self.mean)} methods on {self.tasks} tasks"
        if self.p_value >= 0.05:
            return f"{what}: no difference is certain (Friedman, p = {self.p_value:.2g})"
        best, *others = self.mean
        limit = self.mean[best] + self.critical
        worse = [name for name in others if self.mean[name] >= limit]
        named = ", ".join(worse) if worse else "no other"
        return (
            f"{what}: they differ (Friedman, p = {self.p_value:.2g}); mean ranks "
            f"{self.critical:.2f} apart do (Nemenyi, 5 %): {best} is better than {named}"
        )


def ranks(scores: Mapping[str, Mapping[str, float]]) -> Ranks | None:
    """Rank methods that were all scored on the same tasks; None for fewer than two of either.

    Args:
        scores: by task, then by method; more is better.

    >>> ranks({"u": {"a": 3.0, "b": 1.0}, "v": {"a": 2.0, "b": 2.0}}).mean
    {'a': 1.25, 'b': 1.75}
    """
    methods = list(next(iter(scores.values()), {}))
    num, k = len(scores), len(methods)
    if num < 2 or k < 2:
        return None
    places = [_places(each) for each in scores.values()]
    mean = {name: fmean(each[name] for each in places) for name in methods}
    shared = sum(t**3 - t for each in places for t in Counter(each.values()).values())
    untied = 1 - shared / (num * (k**3 - k))
    spread = sum((rank - (k + 1) / 2) ** 2 for rank in mean.values())
    from scipy.special import chdtrc
    from scipy.stats import studentized_range

    statistic = 12 * num / (k * (k + 1)) * spread / untied if untied else 0.0
    q = float(studentized_range.ppf(0.95, k, 1e6)) / sqrt(2)
    return Ranks(
        dict(sorted(mean.items(), key=lambda each: each[1])),
        num,
        float(chdtrc(k - 1, statistic)),
        q * sqrt(k * (k + 1) / (6 * num)),
    )


def _places(scores: Mapping[str, float]) -> dict[str, float]:
    """The rank of each method on one task."""
    values = list(scores.values())
    return {
        name: 1 + sum(other > value for other in values) + (values.count(value) - 1) / 2
        for name, value in scores.items()
    }


def distinguished(scores: Mapping[str, Values]) -> set[str]:
    """The best of some methods, and those of which it is not certain that they are worse: the 95 %
    interval of the paired difference over the seeds holds 0, or there is one seed alone.

    >>> sorted(distinguished({"a": {0: 0.9, 1: 0.9}, "b": {0: 0.9, 1: 0.8}, "c": {0: 0.5, 1: 0.5}}))
    ['a', 'b']
    """
    known = {name: fmean(each.values()) for name, each in scores.items() if each}
    known = {name: mean for name, mean in known.items() if isfinite(mean)}
    if not known:
        return set()
    best = max(known, key=lambda name: known[name])
    lows = {name: difference(scores[best], scores[name]).low for name in known}
    return {name for name, low in lows.items() if name == best or low <= 0}
