"""The figure of averaging weights: which group elements each layer hardly tells apart."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.appearance import BLUE, COLUMN, GREY, PAGE, drawing
from analysis.learned_ranges import parts
from analysis.names import plain

__all__ = ["draw_averaging_weights"]

PREFIX = "averaging/"


def draw_averaging_weights(record: Mapping[str, float], layers: Sequence[str], path: Path) -> None:
    """Draw λ over the group: a row of bars for each layer, and a line where all are equal.

    Bars at the line: the layer is equivariant. One bar alone: it is free. The counterpart of the
    learned ranges, for relaxation=averaged.

    Args:
        record: of one epoch, with "averaging/<layer>.<element>" for each element of the group.
        layers: names of the layers, in their order; those without such numbers are left out.
        path: the PNG to write; its folder is made.
    """
    names = [PREFIX + layer for layer in layers]
    found = {layer: parts(record, PREFIX + layer, names) for layer in layers}
    shown = {layer: own for layer, own in found.items() if own}
    elements = list(dict.fromkeys(part[1:] for own in shown.values() for part in own))
    highest = max(record[PREFIX + layer + part] for layer, own in shown.items() for part in own)
    size = {"width": PAGE if len(elements) > 8 else COLUMN, "height": 1.3 + 0.55 * len(shown)}
    with drawing(path, "How much each layer averages over each group element", **size) as figure:
        rows = figure.subplots(len(shown), 1, squeeze=False, sharex=True)[:, 0]
        for row, (layer, own) in zip(rows, shown.items(), strict=True):
            places = [elements.index(part[1:]) for part in own]
            row.bar(places, [record[PREFIX + layer + part] for part in own], color=BLUE)
            row.axhline(1 / len(own), color=GREY, linestyle=":", linewidth=1)
            row.set(ylim=(0, 1.05 * highest), yticks=[])
            row.set_ylabel(layer, rotation=0, ha="right", va="center")
            row.spines[["top", "right", "left"]].set_visible(False)
        rows[-1].set_xticks(range(len(elements)), [plain(each) for each in elements], rotation=90)
        rows[-1].set_xlabel(f"moved by (dotted: 1/{len(elements)} each, exactly equivariant)")
