"""Figures of a net that learns to tell a picture from its own turn: its losses and its filter."""

from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path

from torch import Tensor

from analysis.appearance import GREY, PAGE, PICTURE, SIGNED, drawing, legend, styles

__all__ = ["draw_filters", "draw_losses"]


def draw_losses(curves: Mapping[int, Sequence[tuple[float, float]]], path: Path) -> None:
    """Draw the loss (nats) over the steps of training, for each size of the picture in pixels."""
    title = "Learning to tell a picture from its own quarter turn"
    with drawing(path, title, height=3.0) as figure:
        panel = figure.subplots()
        chosen = styles(f"{size} × {size} pixels" for size in curves)
        for curve, (name, style) in zip(curves.values(), chosen.items(), strict=True):
            steps, losses = zip(*curve, strict=True)
            panel.plot(steps, losses, style.line, color=style.colour, label=name)
        label = "log 2: the best without telling them apart"
        panel.axhline(log(2), color=GREY, linewidth=1, linestyle=":", label=label)
        panel.set_ylim(bottom=0)
        panel.grid()
        panel.set(xlabel="steps of the optimiser", ylabel="cross entropy (nats)")
        legend(figure)


def draw_filters(
    filters: Mapping[int, Tensor],
    elements: Mapping[int, Sequence[str]],
    responses: Mapping[int, Tensor],
    pictures: Mapping[int, Tensor],
    path: Path,
) -> None:
    """Draw, for each size: the picture, and the filter at the group's elements.

    Args:
        filters: [G, k, k], as the layer turns them.
        elements: what each of them does.
        responses: [2, G], their mean over space on the picture and on its turn.
        pictures: [H, W].
        path: the PNG to write.
    """
    columns = 1 + max(len(each) for each in filters.values())
    title = (
        "The learned filter, and its mean answers to the picture and to the picture's turn\n"
        "(invariant: the same numbers in another order)"
    )
    cell = (PAGE - 0.8) / columns
    height = 0.6 + (0.75 + cell) * len(filters)
    with drawing(path, title, width=PAGE, height=height) as figure:
        panels = figure.subplots(len(filters), columns, squeeze=False)
        for row, (size, turned) in zip(panels, filters.items(), strict=True):
            row[0].imshow(pictures[size].numpy(), cmap=PICTURE, interpolation="nearest")
            row[0].set_title(f"{size} × {size} pixels")
            most = turned.abs().max().item() or 1.0
            for number, (panel, taps) in enumerate(zip(row[1:], turned, strict=False)):
                shown = panel.imshow(taps.numpy(), cmap=SIGNED, vmin=-most, vmax=most)
                upright, after = responses[size][:, number].tolist()
                panel.set_title(elements[size][number])
                panel.set_xlabel(f"picture {upright:+.3f}\nits turn {after:+.3f}", fontsize=7)
            figure.colorbar(shown, ax=list(row), label="weight", shrink=0.8)
            for panel in row[1 + len(turned) :]:
                panel.set_axis_off()
        for panel in panels.flat:
            panel.set(xticks=[], yticks=[])
