"""Figures of broken equivariance: over input sizes, over layers and epochs, over the test angle."""

from collections.abc import Mapping, Sequence
from math import nan, radians
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.appearance import BLUE, GREY, VERMILLION, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_accuracies_over_angles", "draw_errors_over_layers", "draw_errors_over_sizes"]

COLOURS = (BLUE, VERMILLION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", GREY, "black")
MARKERS = "osD^vP*X"
FLOOR, TOP = 1e-8, 8  # what is less is drawn at the floor: zero has no logarithm


def draw_errors_over_sizes(
    errors: Mapping[str, Mapping[int, float]], tolerance: float, path: Path
) -> None:
    """Draw relative errors of nets, by name, over the sizes of their input in pixels.

    What lies below the tolerance counts as exact.
    """
    from matplotlib.figure import Figure

    sizes = sorted({size for each in errors.values() for size in each})
    figure = Figure(figsize=(max(6.5, 0.7 * len(sizes) + 3), 4.4), layout="constrained")
    panel = figure.subplots()
    for number, (name, each) in enumerate(errors.items()):
        shift = 0.5 * ((number + 0.5) / len(errors) - 0.5)
        places = [sizes.index(size) + shift for size in each]
        heights = [max(error, FLOOR) for error in each.values()]
        marker, colour = MARKERS[number % 8], COLOURS[number % 8]
        panel.plot(places, heights, marker, color=colour, label=name)
    _logarithmic(panel, tolerance)
    panel.set_xticks(range(len(sizes)), [str(size) for size in sizes])
    panel.set(
        xlabel="size of the input (pixels)",
        ylabel="error / spread over the images (RMS)",
        title="One pixel makes or breaks it: equivariance error at initialisation",
    )
    panel.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, path)


def draw_errors_over_layers(
    histories: Mapping[str, Sequence[tuple[int, Mapping[str, float]]]], tolerance: float, path: Path
) -> None:
    """Draw the error of each layer, in their order: a line an epoch, a panel for each net.

    Args:
        histories: of each net by name, (epoch, relative error of each layer by name); an epoch may
            lack layers, whose lines then have gaps.
        tolerance: what lies below counts as exact.
        path: the PNG to write.
    """
    from matplotlib.figure import Figure

    count = len(histories)
    figure = Figure(figsize=(4.2 * count + 1, 5), layout="constrained")
    panels = figure.subplots(1, count, squeeze=False, sharey=True).flat
    for panel, (name, history) in zip(panels, histories.items(), strict=True):
        fullest_first = sorted((errors for _, errors in history), key=len, reverse=True)
        layers = list(dict.fromkeys(layer for errors in fullest_first for layer in errors))
        step = max(1, -(-(len(history) - 1) // 5))
        chosen = [*history[:-1:step], history[-1]]
        for number, (epoch, errors) in enumerate(chosen):
            shade = number / max(len(chosen) - 1, 1)
            colour = (0.85 * shade, 0.45 + 0.1 * shade, 0.75 - 0.7 * shade)
            heights = [max(errors.get(layer, nan), FLOOR) for layer in layers]
            panel.plot(heights, color=colour, marker=".", label=f"epoch {epoch}")
        _logarithmic(panel, tolerance)
        shown = range(0, len(layers), 1 + len(layers) // 25)
        names = [layers[place] for place in shown]
        panel.set_xticks(shown, names, rotation=90, fontsize="x-small")
        panel.set_title(name)
    drawn = figure.axes
    drawn[0].set_ylabel("error / spread over the images (RMS)")
    drawn[-1].legend(fontsize="small")
    figure.suptitle("Where equivariance breaks, and what training makes of it")
    save(figure, path)


def draw_accuracies_over_angles(
    accuracies: Mapping[str, Mapping[float, float]], path: Path
) -> None:
    """Draw test accuracies of nets, by name, over the angle (degrees) that the images turn by."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 5.6), layout="constrained")
    panel = figure.subplots(subplot_kw={"projection": "polar"})
    for number, (name, each) in enumerate(accuracies.items()):
        degrees = sorted(each)
        angles = [radians(degree) for degree in [*degrees, degrees[0]]]
        percents = [100 * each[degree] for degree in [*degrees, degrees[0]]]
        panel.plot(angles, percents, color=COLOURS[number % 8], label=name, linewidth=2)
    panel.set_ylim(0, 100)
    panel.set_yticks([20, 40, 60, 80, 100], ["20", "40", "60", "80", "100 %"], fontsize="small")
    panel.set_xticks([radians(degree) for degree in range(0, 360, 30)])
    panel.set_title("Test accuracy against the angle of the test images")
    panel.legend(loc="upper left", bbox_to_anchor=(1.08, 1.05), fontsize="small")
    save(figure, path)


def _logarithmic(panel: "Axes", tolerance: float) -> None:
    """A logarithmic axis with what counts as exact shaded."""
    panel.set_yscale("log")
    panel.set_ylim(FLOOR / 2, max(TOP, panel.get_ylim()[1]))
    panel.axhspan(FLOOR / 2, tolerance, color=GREY, alpha=0.15, linewidth=0)
    panel.annotate(
        "exact",
        (0, tolerance),
        xycoords=("axes fraction", "data"),
        xytext=(4, -11),
        textcoords="offset points",
        fontsize="small",
        color=GREY,
    )
    panel.grid(alpha=0.3)
