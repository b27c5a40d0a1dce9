"""Figures over the steps of an orbit: errors of a learned turn, accuracy of classifiers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.appearance import BLUE, GREY, VERMILLION, save

__all__ = ["draw_over_angles", "draw_turning_errors"]

RUNAWAY = 3.0  # times the spread: errors beyond would hide all others
STYLES = ((BLUE, "-"), (VERMILLION, "--"), (GREY, ":"))


def draw_turning_errors(curves: Mapping[str, Sequence[float]], num_views: int, path: Path) -> None:
    """Draw relative errors at the steps 1 … V − 1 of an orbit of `num_views` views."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4.2), layout="constrained")
    panel = figure.subplots()
    for (name, values), (colour, line) in zip(curves.items(), STYLES, strict=False):
        degrees = [360 * (k + 1) / num_views for k in range(len(values))]
        panel.plot(degrees, values, line, color=colour, label=name, marker="o", markersize=4)
    panel.axhline(1, color=GREY, linewidth=0.8)
    if max(map(max, curves.values())) > RUNAWAY:
        panel.set_yscale("log")
    else:
        panel.set_ylim(bottom=0)
    panel.set_xticks([360 * k / num_views for k in range(1, num_views)])
    panel.tick_params(axis="x", labelsize="small")
    panel.grid(alpha=0.3)
    panel.set(
        xlabel="turned by (degrees), one learned step after another",
        ylabel="RMS error / spread over the images",
        title="How well the learned step composes (1: as far off as the mean)",
    )
    panel.legend(fontsize="small")
    save(figure, path)


def draw_over_angles(
    accuracies: Mapping[str, Sequence[float]], same: Mapping[str, Sequence[float]], path: Path
) -> None:
    """Draw, for each view, the accuracy of classifiers and how many answers are those upright."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    panels = figure.subplots(1, 2)
    titles = ("Accuracy", "Answers that are those for the upright image")
    for panel, title, curves in zip(panels, titles, (accuracies, same), strict=True):
        for (name, values), (colour, line) in zip(curves.items(), STYLES, strict=False):
            degrees = [360 * k / len(values) for k in range(len(values))]
            percent = [100 * value for value in values]
            panel.plot(degrees, percent, line, color=colour, label=name, marker="o", markersize=4)
        panel.set_xticks(range(0, 360, 60))
        panel.grid(alpha=0.3)
        panel.set(
            xlabel="image turned by (degrees, counter-clockwise)",
            ylabel="test images (%)",
            title=title,
        )
    panels[0].legend(fontsize="small")
    save(figure, path)
