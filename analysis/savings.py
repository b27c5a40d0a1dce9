"""Learning curves: error over the number of training samples, and how many of them a net saves."""

from collections.abc import Mapping, Sequence
from math import exp, inf, log
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from analysis.appearance import save

__all__ = ["Curve", "draw_convergence", "draw_learning_curves", "saving"]

Curve = Mapping[float, Sequence[float]]
"""Errors of some repeats, by the number of training samples."""

Run = tuple[Sequence[int], Sequence[float]]
"""Steps, and the error after each of them."""

# Okabe and Ito's colours, and a marker each.
STYLES = (
    ("#000000", "o"),
    ("#E69F00", "s"),
    ("#56B4E9", "^"),
    ("#009E73", "v"),
    ("#CC79A7", "D"),
    ("#D55E00", "*"),
)
LINES = ("-", "--", ":", "-.", (0, (1, 3)))


def saving(curve: Curve, reference: Curve) -> dict[float, float]:
    """By what factor more samples the reference needs, for the mean error of each size of `curve`.

    Between its sizes the reference's error is a power of their number. Where it never gets so low,
    the factor is a lower bound, that of its largest size; where it is lower already at its smallest
    size, an upper bound.

    >>> saving({100: [2.0], 200: [0.5]}, {100: [8.0], 400: [2.0], 800: [1.0]})
    {100: 4.0, 200: 4.0}
    """
    return {
        number: round(needed(reference, fmean(errors)) / number, 6)
        for number, errors in curve.items()
    }


def needed(reference: Curve, error: float) -> float:
    """How many samples the reference needs for an error, within its sizes."""
    points = [(number, fmean(errors)) for number, errors in sorted(reference.items())]
    before = (points[0][0], inf)
    for number, here in points:
        if here <= error:
            if before[1] == inf or here <= 0:
                return number
            share = log(before[1] / error) / log(before[1] / here)
            return exp(log(before[0]) + share * log(number / before[0]))
        before = number, here
    return points[-1][0]


def draw_learning_curves(curves: Mapping[str, Mapping[str, Curve]], path: Path) -> None:
    """Draw errors over sizes, of nets and their augmentations; bars are standard deviations."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    figure = Figure(figsize=(7, 4.8), layout="constrained")
    panel = figure.subplots()
    sizes: set[float] = set()
    for (net, each), (colour, marker) in zip(curves.items(), STYLES, strict=False):
        for (augmentation, curve), line in zip(each.items(), LINES, strict=False):
            numbers = sorted(curve)
            means = [fmean(curve[number]) for number in numbers]
            spreads = [stdev(curve[n]) if len(curve[n]) > 1 else 0.0 for n in numbers]
            sizes |= set(numbers)
            panel.errorbar(
                numbers,
                means,
                spreads,
                color=colour,
                linestyle=line,
                marker=marker,
                markersize=6,
                capsize=3,
                label=f"{net}, {augmentation}",
            )
    panel.set(xscale="log", yscale="log")
    panel.set_xticks(sorted(sizes), [f"{size:,.0f}" for size in sorted(sizes)])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.grid(alpha=0.3, which="both")
    panel.set(
        xlabel="training cells",
        ylabel="test MSE (units of the stiff phase's modulus, squared)",
        title="Error against data: net, augmentation",
    )
    panel.legend(fontsize="small")
    save(figure, path)


def draw_convergence(runs: Mapping[Any, Mapping[Any, Sequence[Run]]], path: Path) -> None:
    """Draw the validation error over steps, mean over repeats, a panel for each augmentation."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.5 + 3.2 * len(runs), 3.8), layout="constrained")
    panels = figure.subplots(1, len(runs), sharey=True, squeeze=False)[0]
    for panel, (augmentation, nets) in zip(panels, runs.items(), strict=True):
        for (net, repeats), (colour, _) in zip(nets.items(), STYLES, strict=False):
            length = min((len(errors) for _, errors in repeats), default=0)
            if length:
                columns = zip(*(errors[:length] for _, errors in repeats), strict=True)
                panel.plot(
                    repeats[0][0][:length],
                    [fmean(column) for column in columns],
                    color=colour,
                    label=net,
                    linewidth=1.2,
                )
        panel.set(yscale="log", xlabel="steps", title=f"augmentation: {augmentation}")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("validation MSE")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center")
    save(figure, path)
