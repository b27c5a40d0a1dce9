"""Learning curves: error over the number of training samples, and how many of them a net saves."""

from collections.abc import Mapping, Sequence
from math import exp, inf, log
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from analysis.appearance import save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Curve", "draw_convergence", "draw_learning_curves", "saving", "written_saving"]

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


def saving(curve: Curve, reference: Curve) -> dict[float, float]:
    """By what factor more samples the reference needs, for the mean error of each size of `curve`.

    Between its sizes the reference's error is a power of their number. Where it never gets so low,
    the factor is a lower bound, that of its largest size; where it is lower already at its smallest
    size, an upper bound: `written_saving` tells these apart.

    >>> saving({100: [2.0], 200: [0.5]}, {100: [8.0], 400: [2.0], 800: [1.0]})
    {100: 4.0, 200: 4.0}
    """
    return {
        number: round(needed(reference, fmean(errors))[0] / number, 6)
        for number, errors in curve.items()
    }


def written_saving(curve: Curve, reference: Curve) -> dict[float, str]:
    """The factors of `saving` for a table, bounds as bounds.

    >>> written_saving({100: [2.0], 200: [0.5]}, {100: [8.0], 400: [2.0], 800: [1.0]})
    {100: '4', 200: '> 4'}
    """
    return {
        number: f"{needed(reference, fmean(curve[number]))[1]} {factor:.3g}".strip()
        for number, factor in saving(curve, reference).items()
    }


def needed(reference: Curve, error: float) -> tuple[float, str]:
    """How many samples the reference needs for an error, and ">" or "<" if it is a bound."""
    points = [(number, fmean(errors)) for number, errors in sorted(reference.items())]
    before = (points[0][0], inf)
    for number, here in points:
        if here <= error:
            if before[1] == inf or here <= 0:
                return number, "<" if here < error else ""
            share = log(before[1] / error) / log(before[1] / here)
            return exp(log(before[0]) + share * log(number / before[0])), ""
        before = number, here
    return points[-1][0], ">"


def draw_learning_curves(curves: Mapping[Any, Mapping[Any, Curve]], path: Path) -> None:
    """Draw errors over sizes of each augmentation's nets; bars are standard deviations."""
    from matplotlib.ticker import NullLocator

    figure, panels = _panels(list(curves))
    for panel, nets in zip(panels, curves.values(), strict=True):
        for (net, curve), (colour, marker) in zip(nets.items(), STYLES, strict=False):
            numbers = sorted(curve)
            panel.errorbar(
                numbers,
                [fmean(curve[number]) for number in numbers],
                [stdev(curve[n]) if len(curve[n]) > 1 else 0.0 for n in numbers],
                color=colour,
                marker=marker,
                markersize=5,
                capsize=3,
                label=net,
            )
        sizes = sorted({number for curve in nets.values() for number in curve})
        panel.set(xscale="log", xlabel="training cells")
        panel.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
        panel.xaxis.set_minor_locator(NullLocator())
    _finish(figure, panels, "test MSE (moduli squared)", path)


def draw_convergence(runs: Mapping[Any, Mapping[Any, Sequence[Run]]], path: Path) -> None:
    """Draw the validation error over steps of each augmentation's nets, mean over repeats."""
    figure, panels = _panels(list(runs))
    for panel, nets in zip(panels, runs.values(), strict=True):
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
        panel.set(xlabel="steps")
    _finish(figure, panels, "validation MSE (moduli squared)", path)


def _panels(augmentations: Sequence[object]) -> tuple["Figure", Sequence["Axes"]]:
    """A figure with a panel for each augmentation, of one logarithmic scale of errors."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.9 + 3.2 * len(augmentations), 3.8), layout="constrained")
    panels = figure.subplots(1, len(augmentations), sharey=True, squeeze=False)[0]
    for panel, augmentation in zip(panels, augmentations, strict=True):
        panel.set(yscale="log", title=f"augmentation: {augmentation}")
        panel.grid(alpha=0.3)
    return figure, panels


def _finish(figure: "Figure", panels: Sequence["Axes"], label: str, path: Path) -> None:
    """Label the errors at 1, 2 and 5, as they seldom span decades, and save."""
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullLocator

    axis = panels[0].yaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    every = LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(inf, inf))
    axis.set_major_formatter(every)
    axis.set_minor_locator(NullLocator())
    panels[0].set_ylabel(label)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center")
    save(figure, path)
