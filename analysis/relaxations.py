"""The figure of a relaxed net over its training: own numbers, defect, and errors by angle."""

from collections.abc import Collection, Mapping, Sequence
from math import isnan, nan
from pathlib import Path
from statistics import fmean

from analysis.appearance import BLACK, drawing, legend, shades, styles
from analysis.learned_ranges import Kind, draw_curves, parts
from analysis.names import plain

__all__ = ["DEFECT", "ERRORS", "draw_relaxations"]

DEFECT, ERRORS = "defect", "errors/"  # names in a record: defect, defect/<layer>, errors/<move>
MOST_PARTS = 2  # of a kind of numbers, that get a panel each


def draw_relaxations(
    history: Sequence[Mapping[str, float]],
    layers: Sequence[str],
    kinds: Collection[str],
    path: Path,
) -> None:
    """Draw what a net has learned of its symmetry, in one language: a panel for each kind of
    numbers of its relaxations, one for the relative defect of its layers' weights and of the whole,
    and one for the equivariance error of its answers under each turn, if probe=[layer_errors]
    measured it.

    Of numbers for many parts of a group, such as the probabilities to keep each element, the mean
    over the parts is drawn: the figure of that kind alone shows them all.

    Args:
        history: one record an epoch, with "epoch", "<kind>/<layer>", "<kind>/<layer>.<part>",
            "defect", "defect/<layer>" and "errors/<move>", as far as they were taken.
        layers: names of the layers, in their order.
        kinds: of the relaxations' own numbers, such as "range".
        path: the PNG to write; its folder is made.
    """
    panels: dict[Kind, dict[str, list[float]]] = {}
    for name in kinds:
        panels |= _own(history, layers, f"{name}/")
    defect = {layer: _curve(history, [f"{DEFECT}/{layer}"]) for layer in layers}
    panels[Kind(f"{DEFECT}/", "")] = {
        layer: curve for layer, curve in defect.items() if not all(map(isnan, curve))
    }
    shown = [layer for layer in layers if any(layer in curves for curves in panels.values())]
    colours = dict(zip(shown, shades(len(shown)), strict=True))
    moves = [name for name in history[-1] if name.startswith(ERRORS)]
    count = len(panels) + bool(moves)
    height = 1.1 + 1.7 * count + 0.07 * (len(shown) + len(moves))
    epochs = [record["epoch"] for record in history]
    with drawing(path, "What the net learns of its symmetry", height=height) as figure:
        rows = figure.subplots(count, 1, squeeze=False, sharex=True)[:, 0]
        for row, (kind, curves) in zip(rows, panels.items(), strict=False):
            draw_curves(row, kind, curves, epochs, colours)
        row = rows[len(panels) - 1]
        row.plot(epochs, _curve(history, [DEFECT]), "--", color=BLACK, label="the whole net")
        row.set_ylim(-0.03, 1.05)
        row.set_ylabel("relative defect\n(0: equivariant weights)")
        if moves:
            chosen = styles(plain(name.removeprefix(ERRORS)) for name in moves)
            for name, (label, style) in zip(moves, chosen.items(), strict=True):
                curve = _curve(history, [name])
                rows[-1].plot(epochs, curve, style.line, color=style.colour, label=label)
            rows[-1].set_ylim(bottom=0)
            rows[-1].grid()
            rows[-1].set_ylabel("equivariance error\nof the answers")
        rows[-1].set_xlabel("epoch")
        legend(figure, rows, title=f"layer (dark: the first){', and turn' if moves else ''}")


def _own(
    history: Sequence[Mapping[str, float]], layers: Sequence[str], prefix: str
) -> dict[Kind, dict[str, list[float]]]:
    """The curves of a kind of numbers, by part of the group and layer; of many, their mean."""
    names = [prefix + layer for layer in layers]
    own = {layer: parts(history[-1], prefix + layer, names) for layer in layers}
    found = list(dict.fromkeys(part for each in own.values() for part in each))
    if len(found) <= MOST_PARTS:
        return {
            Kind(prefix, part): {
                layer: _curve(history, [prefix + layer + part])
                for layer in layers
                if part in own[layer]
            }
            for part in found
        }
    curves = {
        layer: _curve(history, [prefix + layer + part for part in each])
        for layer, each in own.items()
        if each
    }
    return {Kind(prefix, ".mean of all"): curves}


def _curve(history: Sequence[Mapping[str, float]], names: Sequence[str]) -> list[float]:
    """The mean of some numbers over the epochs, NaN where they are missing."""
    return [fmean(record.get(name, nan) for name in names) for record in history]
