"""Figures of broken equivariance: over input sizes, over layers and epochs, over the test angle."""

from collections.abc import Mapping, Sequence
from math import isfinite, nan, radians
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from analysis.appearance import COLUMN, GREY, PAGE, VERMILLION, drawing, legend, shades, styles
from analysis.names import plain
from analysis.spread import share_bar

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "draw_accuracies_over_angles",
    "draw_errors_over_layers",
    "draw_errors_over_sizes",
    "first_break",
]

FLOOR, TOP = 1e-8, 8  # what is less is drawn at the floor: zero has no logarithm
MOST_NAMES = 64  # of layers, below each other
ERROR = "error / spread over the images (RMS)"


def draw_errors_over_sizes(
    errors: Mapping[str, Mapping[int, float]], tolerance: float, path: Path
) -> None:
    """Draw relative errors of nets, by name, over the sizes of their input in pixels.

    What lies below the tolerance counts as exact.
    """
    sizes = sorted({size for each in errors.values() for size in each})
    title = "Equivariance error of untrained nets over the size of their input: a pixel decides"
    width = COLUMN if len(sizes) < 7 else PAGE
    with drawing(path, title, width=width, height=3.1 + 0.06 * len(errors)) as figure:
        panel = figure.subplots()
        chosen = styles(errors)
        for number, (name, each) in enumerate(errors.items()):
            shift = 0.5 * ((number + 0.5) / len(errors) - 0.5)
            places = [sizes.index(size) + shift for size in each]
            heights = [max(error, FLOOR) for error in each.values()]
            style = chosen[name]
            panel.plot(places, heights, style.marker, color=style.colour, label=plain(name))
        _logarithmic(panel, tolerance, "y")
        panel.set_xticks(range(len(sizes)), [str(size) for size in sizes])
        panel.set(xlabel="size of the input (pixels)", ylabel=ERROR)
        legend(figure)


def first_break(errors: Mapping[str, float], tolerance: float) -> str | None:
    """The first layer, in their order, whose error is above the tolerance.

    >>> first_break({"a": 1e-7, "b": nan, "c": 0.2, "d": 0.1}, 1e-4)
    'c'
    """
    return next((layer for layer, error in errors.items() if error > tolerance), None)


def draw_errors_over_layers(
    histories: Mapping[str, Sequence[tuple[int, Mapping[str, float]]]], tolerance: float, path: Path
) -> None:
    """Draw the error of each layer, in their order from above: a line an epoch, a panel a net.

    The first layer that breaks in the last epoch is marked.

    Args:
        histories: of each net by name, (epoch, relative error of each layer by name); an epoch may
            lack layers, whose lines then have gaps.
        tolerance: what lies below counts as exact.
        path: the PNG to write.
    """
    orders = {
        name: list(
            dict.fromkeys(
                layer
                for _, errors in sorted(history, key=lambda each: len(each[1]), reverse=True)
                for layer in errors
            )
        )
        for name, history in histories.items()
    }
    columns = min(len(histories), 2)
    rows = -(-len(histories) // columns)
    longest = max(map(len, orders.values()))
    height = 1.1 + rows * (0.55 + 0.13 * max(min(longest, MOST_NAMES), 6))
    title = "Where equivariance breaks, and what training makes of it"
    with drawing(path, title, width=PAGE if columns > 1 else COLUMN, height=height) as figure:
        panels = list(figure.subplots(rows, columns, squeeze=False).flat)
        for panel in panels[len(histories) :]:
            panel.remove()
        for panel, (name, history) in zip(panels, histories.items(), strict=False):
            layers = orders[name]
            step = max(1, -(-(len(history) - 1) // 5))
            chosen = [*history[:-1:step], history[-1]]
            for colour, (epoch, errors) in zip(shades(len(chosen)), chosen, strict=True):
                values = [max(errors.get(layer, nan), FLOOR) for layer in layers]
                panel.plot(values, range(len(layers)), color=colour, marker=".", label=str(epoch))
            _logarithmic(panel, tolerance, "x")
            last = {layer: history[-1][1].get(layer, nan) for layer in layers}
            broken = first_break(last, tolerance)
            _name_layers(panel, layers, broken)
            measured = any(map(isfinite, last.values()))
            verdict = (
                f"first break: {broken}" if broken else "exact" if measured else "not measured"
            )
            panel.set_title(f"{plain(name)}\n{verdict}")
            panel.set_xlabel(ERROR)
        legend(figure, panels[: len(histories)], title="after epoch")


def _name_layers(panel: "Axes", layers: Sequence[str], broken: str | None) -> None:
    """Name the layers from above, all that fit and always the one that breaks."""
    step = -(-len(layers) // MOST_NAMES)
    own = layers.index(broken) if broken is not None else None
    places = [
        place
        for place in range(len(layers))
        if place == own or (place % step == 0 and (own is None or abs(place - own) >= step))
    ]
    panel.set_yticks(places, [layers[place] for place in places])
    panel.set_ylim(max(len(layers), 1) - 0.5, -0.5)
    if own is not None:
        label = panel.get_yticklabels()[places.index(own)]
        label.set(color=VERMILLION, fontweight="bold")
        panel.axhline(own, color=VERMILLION, linewidth=0.8, linestyle="--")


def draw_accuracies_over_angles(
    accuracies: Mapping[str, Mapping[float, float | Sequence[float]]],
    path: Path,
    *,
    chance: float | None = None,
) -> None:
    """Draw test accuracies of nets, by name, over the angle (degrees) that the images turn by.

    Of accuracies of several seeds the mean, with a band of their standard deviation; `chance` (a
    share) is a dotted circle.
    """
    title = "Test accuracy over the angle of the test images"
    with drawing(path, title, height=4.0 + 0.1 * len(accuracies)) as figure:
        panel: Any = figure.subplots(subplot_kw={"projection": "polar"})
        seeds = False
        for name, style in styles(accuracies).items():
            degrees = sorted(accuracies[name])
            angles = [radians(degree) for degree in [*degrees, degrees[0]]]
            bars = [share_bar(accuracies[name][degree]) for degree in [*degrees, degrees[0]]]
            means = [100 * bar.mean for bar in bars]
            panel.plot(angles, means, style.line, color=style.colour, label=plain(name))
            if any(bar.above for bar in bars):
                seeds = True
                low = [100 * (bar.mean - bar.below) for bar in bars]
                high = [100 * (bar.mean + bar.above) for bar in bars]
                panel.fill_between(angles, low, high, color=style.colour, alpha=0.2, linewidth=0)
        if chance is not None:
            circle = [radians(degree) for degree in range(361)]
            panel.plot(circle, [100 * chance] * 361, ":", color=GREY, label="chance")
        panel.set_ylim(0, 100)
        panel.set_yticks([20, 40, 60, 80, 100], ["20", "40", "60", "80", "100 %"])
        panel.set_rlabel_position(15)
        panel.set_xticks([radians(degree) for degree in range(0, 360, 30)])
        panel.grid(alpha=0.3)
        legend(figure, title="bands: standard deviation over the seeds" if seeds else None)


def _logarithmic(panel: "Axes", tolerance: float, axis: Literal["x", "y"]) -> None:
    """A logarithmic axis of errors, with what counts as exact shaded."""
    limits = panel.get_xlim() if axis == "x" else panel.get_ylim()
    highest = max(TOP, limits[1])
    span: Any = {"color": GREY, "alpha": 0.15, "linewidth": 0, "label": "counts as exact"}
    if axis == "x":
        panel.set(xscale="log", xlim=(FLOOR / 2, highest))
        panel.axvspan(FLOOR / 2, tolerance, **span)
    else:
        panel.set(yscale="log", ylim=(FLOOR / 2, highest))
        panel.axhspan(FLOOR / 2, tolerance, **span)
    panel.grid()
