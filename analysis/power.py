r"""How many seeds decide a claim: of a known deviation, and a difference that is worth finding.

    python -m analysis.power --difference 0.01 --deviation 0.016
    python -m analysis.power --difference 0.01 --interval -0.031 0.049 3 --seconds 626

A claim is decided by a paired 95 % interval d̄ ± t·s/√n (`analysis.claims`). If the true mean lies
a difference δ from the claim's bound and seeds have the deviation σ, then √n·d̄/s, counted from that
bound, has the noncentral t distribution of n − 1 degrees of freedom and noncentrality √n·δ/σ. The
power is the probability that the interval lies on the right side of the bound as a whole.

J. Cohen, "Statistical Power Analysis for the Behavioral Sciences" (1988), chapter 2.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from math import hypot, isfinite, sqrt

from partial_equiv.refusal import Refusal

__all__ = ["deviation_of", "main", "power", "seeds_needed", "unpaired"]

MOST = 1_000_000  # seeds: nobody runs more


def power(effect: float, num: int) -> float:
    """The probability that the right side of a claim is found with `num` seeds.

    Args:
        effect: the true difference from the claim's bound, in standard deviations.
        num: of seeds.

    >>> round(power(0.5, 34), 3), power(0.5, 1)
    (0.808, 0.0)
    """
    if num < 2:
        return 0.0
    from scipy.special import nctdtr, stdtrit

    degrees = num - 1
    return float(1 - nctdtr(degrees, sqrt(num) * abs(effect), stdtrit(degrees, 0.975)))


def seeds_needed(difference: float, deviation: float, wanted: float = 0.8) -> int:
    """The smallest number of seeds whose power is as wanted.

    Args:
        difference: of the true mean from the claim's bound.
        deviation: standard deviation of what the claim is about, over seeds: of the paired
            differences of two rows, or of one row; in the unit of the difference.
        wanted: a probability.

    Raises:
        Refusal: if nothing decides it: no difference, no such deviation or probability, or more
            than a million seeds.

    >>> [seeds_needed(effect, 1.0) for effect in (0.5, 0.8, 1.0)]
    [34, 15, 10]
    """
    if not (isfinite(difference) and difference):
        raise Refusal("should be a number other than 0", difference=difference)
    if not (isfinite(deviation) and deviation >= 0):
        raise Refusal("should be a number from 0 on", deviation=deviation)
    if not 0 < wanted < 1:
        raise Refusal("should lie between 0 and 1", wanted=wanted)
    effect = abs(difference) / deviation if deviation else sys.float_info.max
    if effect > 100:  # where the noncentral t is not computed any more, two seeds are enough
        return 2
    low, high = 1, 2  # low is too few; the power grows with the number
    while power(effect, high) < wanted:
        low, high = high, 2 * high
        if low > MOST:
            raise Refusal("takes more than a million seeds", difference=difference)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(effect, middle) >= wanted else (middle, high)
    return high


def deviation_of(low: float, high: float, num: int) -> float:
    """The standard deviation that a 95 % interval over `num` seeds was made of.

    Raises:
        Refusal: for fewer than two seeds, or bounds that do not ascend.

    >>> round(deviation_of(-3.1, 4.9, 3), 2)
    1.61
    """
    if num < 2 or not low <= high < float("inf"):
        raise Refusal("should be two ascending bounds, and at least 2", interval=(low, high, num))
    from scipy.special import stdtrit

    return (high - low) / 2 * sqrt(num) / float(stdtrit(num - 1, 0.975))


def unpaired(one: float, other: float) -> float:
    """The deviation of differences if two rows of these deviations share nothing but the seed."""
    return hypot(one, other)


def main(arguments: Sequence[str] | None = None) -> int:
    """Say how many seeds a claim needs, and how long they take; the exit status."""
    parser = ArgumentParser(
        prog="python -m analysis.power", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--difference", type=float, required=True, help="from the claim's bound")
    known = parser.add_mutually_exclusive_group(required=True)
    known.add_argument("--deviation", type=float, help="of a row, or of paired differences")
    known.add_argument("--rows", type=float, nargs=2, metavar="SD", help="deviations of two rows")
    known.add_argument(
        "--interval", type=float, nargs=3, metavar=("LOW", "HIGH", "SEEDS"), help="measured before"
    )
    parser.add_argument("--power", type=float, default=0.8, help="probability to decide")
    parser.add_argument("--seconds", type=float, help="of a seed, all rows of the claim together")
    given = parser.parse_args(arguments)
    try:
        if given.interval:
            low, high, num = given.interval
            deviation = deviation_of(low, high, int(num))
        else:
            deviation = unpaired(*given.rows) if given.rows else given.deviation
        num = seeds_needed(given.difference, deviation, given.power)
    except Refusal as error:
        sys.stderr.write(f"{error}\n")
        return 1
    told = f"deviation {deviation:.4g}: {num} seeds"
    if given.seconds is not None:
        told += f", {num * given.seconds / 3600:.1f} hours one after the other"
    sys.stdout.write(f"{told}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
