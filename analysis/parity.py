"""Figures of nets under the mirror: their accuracies, and correlations layer by layer."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.appearance import BLUE, GREEN, VERMILLION, save

__all__ = ["draw_accuracies", "draw_correlations"]

COLOURS = (VERMILLION, BLUE, GREEN)
MARKERS = ("o", "s", "^")
MOST_NAMES = 20


def draw_accuracies(found: Mapping[float, Mapping[str, tuple[float, float]]], path: Path) -> None:
    """Draw bars of accuracy on images and on their mirror images.

    Args:
        found: for each mirror probability in training, by nets, both accuracies in 0..1.
        path: the PNG to write; its folder is made.
    """
    from matplotlib.figure import Figure

    nets = list(dict.fromkeys(net for group in found.values() for net in group))
    width = 0.8 / (2 * len(nets))
    figure = Figure(figsize=(3 + 1.2 * len(found) * len(nets), 4.4), layout="constrained")
    panel = figure.subplots()
    for place, group in enumerate(found.values()):
        for number, net in enumerate(nets):
            for side, accuracy in enumerate(group[net]):
                bars = panel.bar(
                    place + (2 * number + side + 0.5 - len(nets)) * width,
                    100 * accuracy,
                    0.92 * width,
                    color=COLOURS[number % len(COLOURS)],
                    alpha=0.45 if side else 1,
                    hatch="//" if side else None,
                    edgecolor="white",
                    label=None if place else f"{net}, {('originals', 'mirrored')[side]}",
                )
                panel.bar_label(bars, fmt="%.1f", fontsize="x-small", padding=1)
    panel.set_xticks(range(len(found)), [f"{probability:g}" for probability in found])
    panel.set(
        xlabel="probability that a training image is mirrored",
        ylabel="test accuracy (%)",
        ylim=(0, 108),
        title="Accuracy on test images and on their mirror images",
    )
    panel.grid(axis="y", alpha=0.3)
    panel.set_axisbelow(True)
    figure.legend(loc="outside right upper", fontsize="small")
    save(figure, path)


def draw_correlations(
    found: Mapping[float, Mapping[str, Sequence[tuple[str, float, float]]]], path: Path
) -> None:
    """Draw the correlations of every layer's answers to images and to their mirror images.

    Args:
        found: for each mirror probability in training, by nets, for each layer its name, corr_raw
            and corr_equiv.
        path: the PNG to write; its folder is made.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.5 + 4.2 * len(found), 6.4), layout="constrained")
    panels = figure.subplots(2, len(found), squeeze=False, sharey="row")
    titles = (
        "corr_raw\nof f(x) and f(Mx)",
        "corr_equiv\nof f(x) and M⁻¹f(Mx)",
    )
    for column, (probability, group) in enumerate(found.items()):
        panels[0, column].set_title(f"training images mirrored: {probability:g}")
        for row, title in enumerate(titles):
            panel = panels[row, column]
            for number, (net, layers) in enumerate(group.items()):
                values = [layer[1 + row] for layer in layers]
                style = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
                panel.plot(values, color=style[0], marker=style[1], markersize=5, label=net)
            names = [layer[0] for layer in next(iter(group.values()))]
            step = -(-len(names) // MOST_NAMES)
            places = range(0, len(names), step)
            panel.set_xticks(places, names[::step] if row else [])
            panel.tick_params(axis="x", rotation=90, labelsize="small")
            panel.grid(alpha=0.3)
            if column == 0:
                panel.set_ylabel(title)
    lines, nets = panels[0, 0].get_legend_handles_labels()
    figure.legend(lines, nets, loc="outside right upper", fontsize="small")
    figure.suptitle("Answers of each layer to an image x and to its mirror image Mx (mean)")
    save(figure, path)
