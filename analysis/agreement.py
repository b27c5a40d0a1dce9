"""The figure of how far nets are invariant, against how far they should be."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.appearance import COLUMN, GREEN, PAGE, VERMILLION, drawing, legend, styles
from analysis.names import plain
from analysis.spread import share_bar
from datasets.truth import Truth

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_agreement"]

NARROWEST = 1.5  # degrees, of a band that is drawn


def draw_agreement(
    curves: Mapping[str, Mapping[tuple[float, bool], float | Sequence[float]]],
    truth: Truth,
    path: Path,
) -> None:
    """Draw agreements of nets, by name, over the move: (turn in degrees, whether mirrored).

    Shaded are the turns that keep the label, where a curve should be at 100 %, and those that
    change it, where it should be at 0; between them, nothing is right. Of several seeds the mean is
    drawn, with a band of their standard deviation. Mirror images have a panel of their own if the
    data show them.
    """
    mirrors = (False,) if truth.mirror == "absent" else (False, True)
    title = "Pictures that keep their answer when turned"
    width = PAGE if len(mirrors) > 1 else COLUMN
    with drawing(path, title, width=width, height=2.9 + 0.1 * len(curves)) as figure:
        panels = figure.subplots(1, len(mirrors), squeeze=False, sharey=True)[0]
        for panel, mirrored in zip(panels, mirrors, strict=True):
            _draw_truth(panel, truth, mirrored)
            for name, style in styles(curves).items():
                values = {
                    (degrees + 180) % 360 - 180: value
                    for (degrees, other), value in curves[name].items()
                    if other == mirrored
                }
                if -180.0 in values:  # the same turn as by 180°
                    values[180.0] = values[-180.0]
                angles = sorted(values)
                bars = [share_bar(values[angle]) for angle in angles]
                means = [100 * bar.mean for bar in bars]
                panel.plot(angles, means, style.line, color=style.colour, label=plain(name))
                if any(bar.above for bar in bars):
                    low = [100 * (bar.mean - bar.below) for bar in bars]
                    high = [100 * (bar.mean + bar.above) for bar in bars]
                    band: Any = {"color": style.colour, "alpha": 0.2, "linewidth": 0}
                    panel.fill_between(angles, low, high, **band)
            panel.set(xlim=(-180, 180), ylim=(-4, 104), xlabel="turn (degrees)")
            panel.set_xticks([-180, -90, 0, 90, 180])
            if len(mirrors) > 1:
                panel.set_title("mirrored and turned" if mirrored else "turned")
        panels[0].set_ylabel("same answer (%)")
        legend(figure)


def _draw_truth(panel: "Axes", truth: Truth, mirrored: bool) -> None:
    """Shade the turns that keep the label and those that change it, with a bar where a curve should
    be."""
    half = max(truth.within, NARROWEST)
    for middle in dict.fromkeys(degrees for degrees, _ in truth.poses):
        keeps = truth.keeps(middle, mirrored)
        colour, height = (GREEN, 100) if keeps else (VERMILLION, 0)
        label = "should keep the answer" if keeps else "should change it"
        for centre in (middle, middle - 360):
            span = (centre - half, centre + half)
            panel.axvspan(*span, color=colour, alpha=0.12, linewidth=0, label=label)
            panel.hlines(height, *span, color=colour, linewidth=3, alpha=0.6)
