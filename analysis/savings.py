"""Learning curves: error over the number of training samples, and how many of them a net saves."""

from collections.abc import Mapping, Sequence
from math import exp, inf, log
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from analysis.appearance import PAGE, drawing, legend, styles
from analysis.names import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Curve", "draw_convergence", "draw_learning_curves", "saving", "written_saving"]

Curve = Mapping[float, Sequence[float]]
"""Errors of some repeats, by the number of training samples."""

Run = tuple[Sequence[int], Sequence[float]]
"""Steps, and the error after each of them."""

TRAINED = {  # what moves the training cells, in plain English
    "none": "trained on the cells as they are",
    "flip": "trained on mirrored cells",
    "rotation": "trained on turned cells",
    "shift": "trained on shifted cells",
    "all": "trained on moved cells\n(mirrored, turned, shifted)",
}
UNIT = "(squared unit of the stiffness)"


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

    chosen = styles(net for nets in curves.values() for net in nets)
    repeats = max(
        len(each) for nets in curves.values() for c in nets.values() for each in c.values()
    )
    bars = f"; bars: standard deviation over up to {repeats} repeats" if repeats > 1 else ""
    title = f"Error on test cells, over the number of training cells{bars}"
    with drawing(path, title, width=PAGE, height=_height(len(curves))) as figure:
        panels = _panels(figure, list(curves))
        for panel, nets in zip(panels, curves.values(), strict=False):
            for net, curve in nets.items():
                numbers = sorted(curve)
                panel.errorbar(
                    numbers,
                    [fmean(curve[number]) for number in numbers],
                    [stdev(curve[n]) if len(curve[n]) > 1 else 0.0 for n in numbers],
                    color=chosen[net].colour,
                    marker=chosen[net].marker,
                    linestyle=chosen[net].line,
                    label=plain(net),
                )
            sizes = sorted({number for curve in nets.values() for number in curve})
            panel.set(xscale="log", xlabel="training cells")
            panel.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
            panel.xaxis.set_minor_locator(NullLocator())
        _finish(figure, panels, f"mean squared error on test cells\n{UNIT}")


def draw_convergence(runs: Mapping[Any, Mapping[Any, Sequence[Run]]], path: Path) -> None:
    """Draw the validation error over steps of each augmentation's nets, mean over repeats."""
    chosen = styles(net for nets in runs.values() for net in nets)
    title = "Error on validation cells during training, mean over the repeats"
    with drawing(path, title, width=PAGE, height=_height(len(runs))) as figure:
        panels = _panels(figure, list(runs))
        for panel, nets in zip(panels, runs.values(), strict=False):
            for net, repeats in nets.items():
                length = min((len(errors) for _, errors in repeats), default=0)
                if length:
                    columns = zip(*(errors[:length] for _, errors in repeats), strict=True)
                    panel.plot(
                        repeats[0][0][:length],
                        [fmean(column) for column in columns],
                        chosen[net].line,
                        color=chosen[net].colour,
                        label=plain(net),
                    )
            panel.set(xlabel="steps of the optimiser")
        _finish(figure, panels, f"mean squared error on validation cells\n{UNIT}")


def _height(number: int) -> float:
    """Inches for so many panels, three in a row."""
    return 0.9 + 2.3 * -(-number // 3)


def _panels(figure: "Figure", augmentations: Sequence[object]) -> "list[Axes]":
    """A panel for each augmentation, of one logarithmic scale of errors."""
    columns = min(len(augmentations), 3)
    rows = -(-len(augmentations) // columns)
    panels = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
    for panel in panels[len(augmentations) :]:
        panel.remove()
    for panel, augmentation in zip(panels, augmentations, strict=False):
        said = str(augmentation)
        panel.set(yscale="log", title=TRAINED.get(said, said))
        panel.grid()
    return panels[: len(augmentations)]


def _finish(figure: "Figure", panels: "Sequence[Axes]", label: str) -> None:
    """Label the errors at 1, 2 and 5, as they seldom span decades."""
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullLocator

    axis = panels[0].yaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    every = LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(inf, inf))
    axis.set_major_formatter(every)
    axis.set_minor_locator(NullLocator())
    figure.supylabel(label)
    legend(figure, panels)
