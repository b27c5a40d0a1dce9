"""Timing in pairs: what is compared runs in turns, in one process on one machine."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import torch

__all__ = ["Ratio", "interleaved", "ratio"]


@dataclass(frozen=True)
class Ratio:
    """The median of paired ratios, and the order statistics that bound it with 90 % confidence."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3f} [{self.low:.3f}, {self.high:.3f}]"


def interleaved(
    runs: Mapping[str, Callable[[], object]],
    repeats: int,
    clock: Callable[[], float] = perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each run, called in turns: one round to warm up, then `repeats` that count."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for round_ in range(repeats + 1):
        for name, run in runs.items():
            synchronize()
            start = clock()
            run()
            synchronize()
            if round_:
                seconds[name].append(clock() - start)
    return seconds


def ratio(seconds: Sequence[float], floor: Sequence[float]) -> Ratio:
    """seconds / floor, pair by pair: the median with its 90 % interval (sign test)."""
    ratios = sorted(one / other for one, other in zip(seconds, floor, strict=True))
    rank = outer_rank(len(ratios))
    return Ratio(median(ratios), ratios[rank], ratios[-1 - rank])


def outer_rank(count: int) -> int:
    """The largest r for which the median lies between the order statistics r and -1 - r with at
    least 90 % confidence.

    >>> outer_rank(10), outer_rank(20)
    (1, 5)
    """
    from scipy.stats import binom

    ranks = [r for r in range(count // 2) if 1 - 2 * binom.cdf(r, count, 0.5) >= 0.9]
    return max(ranks, default=0)


def synchronize() -> None:
    """Wait for the accelerator, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
