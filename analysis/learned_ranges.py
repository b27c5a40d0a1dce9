"""The figure of what a relaxation learned, such as how much of the group each layer keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.appearance import BLUE, COLUMN, PAGE, drawing, legend, shades
from analysis.names import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Kind", "draw_curves", "draw_learned_ranges", "parts"]

MOST_PANELS = 3  # of more, a matrix of small curves is drawn
RANGE = "range/"


@dataclass(frozen=True)
class Kind:
    """What a relaxation tells of a layer: "<prefix><layer><part>" in a record."""

    prefix: str
    part: str

    @property
    def meaning(self) -> str:
        """In plain English."""
        if self.prefix != RANGE:
            return " ".join(map(plain, filter(None, (self.prefix[:-1], self.part[1:]))))
        return f"probability to keep: {plain(self.part[1:])}" if self.part else "kept rotations"

    def written(self, value: float) -> str:
        """A value, with its unit."""
        return f"±{180 * value:.0f}°" if self == Kind(RANGE, "") else f"{value:.2f}"


def draw_learned_ranges(
    history: Sequence[Mapping[str, float]],
    layers: Sequence[str],
    path: Path,
    *,
    prefixes: Sequence[str] = (RANGE,),
) -> None:
    """Draw what every layer learned over training: ranges, keep-probabilities, or other numbers.

    One to three kinds of numbers get a panel each with a line a layer; more of them, as of a
    dihedral group, a matrix of small curves: a row a layer, a column a kind, with the last value.

    Args:
        history: one record an epoch, with "epoch", "range/<layer>" (θ, in units of π) and
            "range/<layer>.<part>" (the probability to keep that part of the group).
        layers: names of the layers, in their order.
        path: the PNG to write; its folder is made.
        prefixes: of the numbers to draw, such as "gamma/".
    """
    found = [
        (Kind(prefix, part), layer)
        for prefix in prefixes
        for layer in layers
        for part in parts(history[-1], prefix + layer, [prefix + each for each in layers])
    ]
    kinds = sorted(dict.fromkeys(kind for kind, _ in found), key=lambda kind: kind.part != "")
    values = {
        kind: {
            layer: [record[kind.prefix + layer + kind.part] for record in history]
            for layer in layers
            if (kind, layer) in found
        }
        for kind in kinds
    }
    few, shown = (
        len(kinds) <= MOST_PANELS,
        [x for x in layers if any(x in values[k] for k in kinds)],
    )
    title = "How much of the group each layer keeps" if RANGE in prefixes else "What layers learn"
    if few:
        size = {"width": COLUMN, "height": 1.1 + 1.9 * len(kinds) + 0.07 * len(shown)}
    else:
        title += "\n(each curve from 0 to 1 over training, with its last value)"
        size = {"width": PAGE, "height": 1.5 + 0.36 * len(shown)}
    with drawing(path, title, **size) as figure:
        if few:
            _lines(figure, values, shown, [record["epoch"] for record in history])
        else:
            _matrix(figure.subplots(), values, shown)


def _lines(
    figure: "Figure",
    values: Mapping[Kind, Mapping[str, list[float]]],
    layers: Sequence[str],
    epochs: Sequence[float],
) -> None:
    """A panel for each kind, with a line for each layer."""
    panels = figure.subplots(len(values), 1, squeeze=False, sharex=True)[:, 0]
    colours = dict(zip(layers, shades(len(layers)), strict=True))
    for panel, (kind, curves) in zip(panels, values.items(), strict=True):
        draw_curves(panel, kind, curves, epochs, colours)
    panels[-1].set_xlabel("epoch")
    legend(figure, panels, title="layer (dark: the first)")


def draw_curves(
    panel: "Axes",
    kind: Kind,
    curves: Mapping[str, Sequence[float]],
    epochs: Sequence[float],
    colours: Mapping[str, Any],
) -> None:
    """Draw a kind of numbers over the epochs: a line for each layer, in its colour."""
    for layer, curve in curves.items():
        marker = "o" if len(epochs) < 3 else None
        panel.plot(epochs, curve, label=layer, color=colours[layer], marker=marker)
    if kind.prefix == RANGE:
        panel.set_ylim(-0.03, 1.05)
    panel.grid()
    panel.set_ylabel(kind.meaning.replace(": ", ":\n"))
    if kind == Kind(RANGE, ""):
        panel.set_ylabel("kept rotations, up to")
        panel.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0°", "±45°", "±90°", "±135°", "±180°"])
    locator: Any = panel.xaxis.get_major_locator()
    locator.set_params(integer=True)


def _matrix(
    panel: "Axes", values: Mapping[Kind, Mapping[str, list[float]]], layers: Sequence[str]
) -> None:
    """A small curve for each layer (row) and kind (column), all in one panel."""
    wide, high = 0.56, 0.7  # of a cell; beside the curve stands its last value
    for column, (kind, curves) in enumerate(values.items()):
        numbers = [value for curve in curves.values() for value in curve]
        low, top = min(0.0, *numbers), max(1.0, *numbers)
        for row, layer in enumerate(layers):
            if layer not in curves:
                continue
            curve, base = curves[layer], row + 0.5 + high / 2
            steps = max(len(curve) - 1, 1)
            across = [column + 0.06 + wide * i / steps for i in range(len(curve))]
            up = [base - high * (value - low) / (top - low) for value in curve]
            panel.fill_between(across, base, up, color=BLUE, alpha=0.2, linewidth=0)
            panel.plot(across, up, color=BLUE)
            ends = (column + 0.06, column + 0.06 + wide)
            panel.hlines([base, base - high], *ends, color="0.75", linewidth=0.5)
            last = kind.written(curve[-1])
            panel.text(column + 0.67, row + 0.5, last, ha="left", va="center", fontsize=7)
    heads = [kind.meaning.replace("probability to keep: ", "keep\n") for kind in values]
    panel.set_xticks(
        [column + 0.06 + wide / 2 for column in range(len(values))],
        [head.replace(", ", ",\n") for head in heads],
    )
    panel.xaxis.tick_top()
    panel.set_yticks([row + 0.5 for row in range(len(layers))], layers)
    panel.tick_params(length=0)
    panel.set(xlim=(0, len(values)), ylim=(len(layers), 0), frame_on=False)


def parts(record: Mapping[str, float], own: str, every: Sequence[str]) -> list[str]:
    """What a layer has in a record: "" for its own number, ".part" for a part of the group.

    A layer's name may itself have dots in it: what belongs to a longer name is not its own.
    """
    longer = tuple(each for each in every if each.startswith(f"{own}."))
    names = [name for name in record if name == own or name.startswith(f"{own}.")]
    return [name.removeprefix(own) for name in names if not name.startswith(longer)]
