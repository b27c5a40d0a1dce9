"""Figures of the benchmark: what accuracy costs, and how it grows with the training pictures."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import ceil, log
from pathlib import Path
from statistics import fmean
from typing import Any

from analysis.appearance import COLUMN, PAGE, drawing, legend, styles
from analysis.names import plain
from analysis.spread import share_bar

__all__ = ["area", "draw_costs", "draw_efficiency"]

COLUMNS = 3  # panels side by side


def draw_costs(points: Mapping[str, Mapping[str, tuple[float, float, float]]], path: Path) -> None:
    """Draw accuracies over the time of a training step; the area of a dot is that of the net.

    Args:
        points: by task, then by method: seconds of a step, parameters, accuracy (or R²).
        path: the PNG to write.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    chosen = styles(name for of in points.values() for name in of)
    most = max(size for of in points.values() for _, size, _ in of.values())
    rows = ceil(len(points) / COLUMNS)
    title = "What a method costs, and what it comes to; a dot's area is its number of parameters"
    height = 1.6 * rows + 0.9 + 0.1 * len(chosen)
    with drawing(path, title, width=PAGE, height=height) as figure:
        columns = min(COLUMNS, len(points))
        panels = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
        for panel, (task, of) in zip(panels, points.items(), strict=False):
            for name, (seconds, size, score) in of.items():
                style = chosen[name]
                look: Any = {"color": style.colour, "marker": style.marker}
                if style.line != "-":  # colours that come again are hollow
                    look["facecolors"] = "none"
                    look["edgecolors"] = look.pop("color")
                panel.scatter(1000 * seconds, score, s=40 * size / most, label=plain(name), **look)
            panel.set_title(task.replace("_", " "))
            panel.set_xscale("log")
            panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            panel.xaxis.set_major_formatter("{x:g}")
            panel.xaxis.set_minor_formatter(NullFormatter())
            panel.grid(alpha=0.3)
        for panel in panels[max(0, len(points) - columns) : len(points)]:
            panel.set_xlabel("milliseconds of a step")
        for panel in panels[::columns]:
            panel.set_ylabel("accuracy, or R²")
        for panel in panels[len(points) :]:
            panel.remove()
        legend(figure)


def draw_efficiency(
    curves: Mapping[str, Mapping[int, Sequence[float]]], path: Path, *, task: str
) -> None:
    """Draw accuracies over the number of training pictures; bars are standard deviations.

    Args:
        curves: accuracies of the seeds by the number of pictures, by method.
        path: the PNG to write.
        task: that was learned.
    """
    from matplotlib.ticker import NullLocator

    title = f"Accuracy over the training pictures: {task.replace('_', ' ')}"
    with drawing(path, title, width=1.4 * COLUMN, height=2.8 + 0.1 * len(curves)) as figure:
        panel = figure.subplots()
        for name, style in styles(curves).items():
            numbers = sorted(curves[name])
            bars = [share_bar(curves[name][number]) for number in numbers]
            panel.errorbar(
                numbers,
                [100 * bar.mean for bar in bars],
                yerr=[[100 * bar.below for bar in bars], [100 * bar.above for bar in bars]],
                color=style.colour,
                marker=style.marker,
                linestyle=style.line,  # colours that come again are dashed, and hollow
                markerfacecolor=style.colour if style.line == "-" else "white",
                label=plain(name),
            )
        every = sorted({number for curve in curves.values() for number in curve})
        panel.set_xscale("log")
        panel.set_xticks(every, [str(number) for number in every])
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set(xlabel="training pictures", ylabel="test accuracy (%)")
        panel.grid(alpha=0.3)
        legend(figure)


def area(curve: Mapping[int, Sequence[float]]) -> float:
    """The mean of an accuracy over the logarithm of the number of pictures, by trapezia.

    >>> area({10: [0.5], 100: [0.7], 1000: [0.9]})
    0.7
    """
    points = [(log(number), fmean(values)) for number, values in sorted(curve.items())]
    pairs = list(pairwise(points))
    total = sum((there - here) * (one + other) / 2 for (here, one), (there, other) in pairs)
    return round(total / (points[-1][0] - points[0][0]), 9)
