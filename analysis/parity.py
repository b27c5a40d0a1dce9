"""Figures of nets under the mirror: their accuracies, and correlations layer by layer."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.appearance import COLUMN, PAGE, chance_line, drawing, legend, styles
from analysis.names import plain
from analysis.spread import share_bar

__all__ = ["draw_accuracies", "draw_correlations"]

Shares = float | Sequence[float]
"""A share of the test images, or those of several seeds."""

SIDES = (("images as they are", ">"), ("mirror images", "<"))
MOST_NAMES = 24


def draw_accuracies(
    found: Mapping[float, Mapping[str, tuple[Shares, Shares]]],
    path: Path,
    *,
    num_images: int | None = None,
    chance: float | None = None,
) -> None:
    """Draw the accuracy on images (▶) and on their mirror images (◀).

    Bars are standard deviations over the seeds; of a single one, and with `num_images`, the 95 %
    interval of a share that was counted on so many images.

    Args:
        found: for each mirror probability in training, by nets, both accuracies in 0..1.
        path: the PNG to write; its folder is made.
        num_images: tested on.
        chance: what guessing comes to.
    """
    nets = list(dict.fromkeys(net for group in found.values() for net in group))
    chosen, width = styles(nets), 0.8 / (2 * len(nets))
    title = "Accuracy on test images (▶) and on their mirror images (◀)"
    size = COLUMN if len(found) * len(nets) < 10 else PAGE
    bars = ""
    with drawing(path, title, width=size, height=3.2) as figure:
        panel = figure.subplots()
        for place, group in enumerate(found.values()):
            for number, net in enumerate(nets):
                for side, (shares, (_, marker)) in enumerate(zip(group[net], SIDES, strict=True)):
                    bar = share_bar(shares, num_images)
                    several = not isinstance(shares, (int, float)) and len(shares) > 1
                    if bar.above or bar.below:
                        kind = "standard deviation over the seeds" if several else "95 % interval"
                        bars = f"bars: {kind}"
                    panel.errorbar(
                        place + (2 * number + side + 0.5 - len(nets)) * width,
                        100 * bar.mean,
                        [[100 * bar.below], [100 * bar.above]],
                        fmt=marker,
                        color=chosen[net].colour,
                        markersize=5,
                        label=None if side else plain(net),
                    )
        chance_line(panel, chance)
        for place in range(1, len(found)):
            panel.axvline(place - 0.5, color="white" if len(found) < 2 else "0.85", linewidth=0.6)
        panel.set_xticks(range(len(found)), [f"{100 * chance:g} %" for chance in found])
        panel.set(xlabel="training images that are mirrored", ylabel="test accuracy (%)")
        panel.set(ylim=(0, 103), xlim=(-0.5, len(found) - 0.5))
        panel.grid(axis="y")
        legend(figure, title=bars or None)


def draw_correlations(
    found: Mapping[float, Mapping[str, Sequence[tuple[str, float, float]]]], path: Path
) -> None:
    """Draw the correlations of every layer's answers to images and to their mirror images.

    Args:
        found: for each mirror probability in training, by nets, for each layer its name, the
            correlation as the answers are, and with those to mirror images mirrored back.
        path: the PNG to write; its folder is made.
    """
    title = (
        "How alike a layer's answers to an image and to its mirror image are\n"
        "(correlation, mean over the images; 1: alike)"
    )
    headings = ("as they are\n(1: invariant)", "mirrored back\n(1: equivariant)")
    layers = max(len(each) for group in found.values() for each in group.values())
    height = 2.2 + 0.13 * 2 * max(min(layers, MOST_NAMES), 8)
    with drawing(path, title, width=COLUMN if len(found) == 1 else PAGE, height=height) as figure:
        panels = figure.subplots(2, len(found), squeeze=False, sharey=True, sharex=True)
        for column, (probability, group) in enumerate(found.items()):
            panels[0, column].set_title(f"{100 * probability:g} % of the training\nimages mirrored")
            chosen = styles(group)
            for row, panel in enumerate(panels[:, column]):
                for net, rows in group.items():
                    style, values = chosen[net], [each[1 + row] for each in rows]
                    panel.plot(
                        values,
                        range(len(values)),
                        style.line,
                        color=style.colour,
                        marker=style.marker,
                        label=plain(net),
                    )
                names = [each[0] for each in next(iter(group.values()))]
                places = range(0, len(names), -(-len(names) // MOST_NAMES))
                panel.set_yticks(places, [names[place] for place in places])
                panel.set_ylim(len(names) - 0.5, -0.5)
                panel.axvline(1, color="black", linewidth=0.6)
                panel.grid()
                if column == 0:
                    panel.set_ylabel(headings[row])
        for panel in panels[-1]:
            panel.set_xlabel("correlation")
        legend(figure)
