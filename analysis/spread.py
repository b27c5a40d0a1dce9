"""What error bars show: repeats of a figure, or shares that were counted on a few images."""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, stdev
from typing import NamedTuple

__all__ = ["Bar", "share_bar"]

Z = 1.959964  # of a 95 % interval


class Bar(NamedTuple):
    """A mean, and how far its bar reaches below and above; 0 where nothing is known."""

    mean: float
    below: float
    above: float


def share_bar(values: float | Sequence[float], num_images: int | None = None) -> Bar:
    """The mean of a share's repeats, give or take their standard deviation.

    Of a single one, counted on `num_images` images, the 95 % interval that E. B. Wilson, "Probable
    Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927), gives.

    >>> share_bar([0.5, 0.7]).mean, share_bar(0.5).above
    (0.6, 0.0)
    """
    repeats = [values] if isinstance(values, (int, float)) else list(values)
    mean = fmean(repeats)
    if len(repeats) > 1:
        return Bar(mean, stdev(repeats), stdev(repeats))
    if not num_images:
        return Bar(mean, 0.0, 0.0)
    scale = 1 + Z**2 / num_images
    centre = (mean + Z**2 / (2 * num_images)) / scale
    half = Z / scale * sqrt(mean * (1 - mean) / num_images + (Z / (2 * num_images)) ** 2)
    return Bar(mean, max(mean - centre + half, 0.0), max(centre + half - mean, 0.0))
