"""Figures of a net that learns to tell a picture from its own turn: its losses and its filter."""

from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path

from torch import Tensor

from analysis.appearance import BLUE, GREY, VERMILLION, save

__all__ = ["draw_filters", "draw_losses"]

COLOURS = (VERMILLION, BLUE, "#009E73", "#CC79A7")


def draw_losses(curves: Mapping[int, Sequence[tuple[float, float]]], path: Path) -> None:
    """Draw the loss (nats) over the steps of training, for each size of the picture in pixels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4.2), layout="constrained")
    panel = figure.subplots()
    for number, (size, curve) in enumerate(curves.items()):
        steps, losses = zip(*curve, strict=True)
        colour = COLOURS[number % len(COLOURS)]
        panel.plot(steps, losses, color=colour, linewidth=2, label=f"{size} × {size} pixels")
    panel.axhline(log(2), color=GREY, linewidth=1, linestyle=":")
    panel.annotate(
        "log 2: the best without a difference",
        (1, log(2)),
        xycoords=("axes fraction", "data"),
        xytext=(-4, 4),
        textcoords="offset points",
        ha="right",
        fontsize="small",
        color=GREY,
    )
    panel.set_ylim(bottom=0)
    panel.grid(alpha=0.3)
    panel.set(
        xlabel="steps of the optimiser",
        ylabel="cross entropy (nats)",
        title="Telling a picture from its own quarter turn",
    )
    panel.legend()
    save(figure, path)


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
    from matplotlib.figure import Figure

    columns = 1 + max(len(each) for each in filters.values())
    figure = Figure(figsize=(2.1 * columns, 2.9 * len(filters) + 0.5), layout="constrained")
    panels = figure.subplots(len(filters), columns, squeeze=False)
    for row, (size, turned) in zip(panels, filters.items(), strict=True):
        row[0].imshow(pictures[size].numpy(), cmap="gray", interpolation="nearest")
        row[0].set_title(f"{size} × {size} pixels", fontsize="medium")
        most = turned.abs().max().item() or 1.0
        for number, (panel, taps) in enumerate(zip(row[1:], turned, strict=False)):
            shown = panel.imshow(taps.numpy(), cmap="RdBu_r", vmin=-most, vmax=most)
            upright, after = responses[size][:, number].tolist()
            panel.set_title(elements[size][number], fontsize="medium")
            panel.set_xlabel(f"answers {upright:+.3f}\nits turn {after:+.3f}", fontsize="small")
        figure.colorbar(shown, ax=list(row), label="weight", shrink=0.8)
        for panel in row[1 + len(turned) :]:
            panel.set_axis_off()
    for panel in panels.flat:
        panel.set(xticks=[], yticks=[])
    figure.suptitle(
        "The learned filter, and its mean answers to the picture and to the picture's turn\n"
        "(invariant: the same numbers in another order)",
        fontsize="medium",
    )
    save(figure, path)
