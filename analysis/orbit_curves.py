"""Figures over the steps of an orbit: errors of a learned turn, accuracy of classifiers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.appearance import BLACK, PAGE, chance_line, drawing, legend, styles
from analysis.spread import share_bar

__all__ = ["draw_over_angles", "draw_turning_errors"]

RUNAWAY = 3.0  # times the spread: errors beyond would hide all others


def draw_turning_errors(curves: Mapping[str, Sequence[float]], num_views: int, path: Path) -> None:
    """Draw relative errors at the steps 1 … V − 1 of an orbit of `num_views` views."""
    title = "How far the learned turn is from the true one, step after step"
    with drawing(path, title, height=3.1) as figure:
        panel = figure.subplots()
        for name, style in styles(curves).items():
            degrees = [360 * (k + 1) / num_views for k in range(len(curves[name]))]
            panel.plot(
                degrees,
                curves[name],
                style.line,
                color=style.colour,
                marker=style.marker,
                label=name,
            )
        panel.axhline(1, color=BLACK, linewidth=0.8, linestyle="--", label="answering the mean")
        if max(map(max, curves.values())) > RUNAWAY:
            panel.set_yscale("log")
        else:
            panel.set_ylim(bottom=0)
        panel.set_xticks(_some([360 * k / num_views for k in range(num_views + 1)]))
        panel.grid()
        panel.set(
            xlabel="turned by (degrees), one learned step after another",
            ylabel="RMS error / spread over the images",
        )
        legend(figure)


def draw_over_angles(
    accuracies: Mapping[str, Sequence[float]],
    same: Mapping[str, Sequence[float]],
    path: Path,
    *,
    num_images: int | None = None,
    chance: float | None = None,
) -> None:
    """Draw, for each view, the accuracy of classifiers and how many answers are those upright.

    Both are shares, drawn over the whole range of 0 to 100 %, so that a single image is no dip.

    Args:
        accuracies, same: shares at equal steps of a full turn, by the classifier's name.
        path: the PNG to write.
        num_images: that the shares were counted on, for bands of their 95 % intervals.
        chance: the accuracy of guessing.
    """
    title = "What classifiers answer to test images at each angle"
    with drawing(path, title, width=PAGE, height=3.0) as figure:
        panels = figure.subplots(1, 2, sharey=True)
        titles = ("right answers", "answers as for the upright image")
        for panel, heading, curves in zip(panels, titles, (accuracies, same), strict=True):
            for name, style in styles(curves).items():
                values = curves[name]
                degrees = [360 * k / len(values) for k in range(len(values))]
                percent = [100 * value for value in values]
                panel.plot(
                    degrees,
                    percent,
                    style.line,
                    color=style.colour,
                    marker=style.marker,
                    label=name,
                )
                if num_images:
                    bars = [share_bar(value, num_images) for value in values]
                    low = [100 * (bar.mean - bar.below) for bar in bars]
                    high = [100 * (bar.mean + bar.above) for bar in bars]
                    panel.fill_between(degrees, low, high, color=style.colour, alpha=0.2, lw=0)
            panel.set_xticks(range(0, 361, 60))
            panel.grid()
            panel.set(xlabel="image turned by (degrees, counter-clockwise)", title=heading)
            panel.set_ylim(0, 103)
        chance_line(panels[0], chance)
        panels[0].set_ylabel("test images (%)")
        bands = f"bands: 95 % intervals, counted on {num_images:,} images" if num_images else None
        legend(figure, title=bands)


def _some(degrees: Sequence[float]) -> list[float]:
    """At most seven of some angles, the first and the last among them."""
    step = next(step for step in range(1, len(degrees)) if (len(degrees) - 1) // step <= 6)
    return list(degrees[::step])
