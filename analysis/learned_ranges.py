"""The figure of what a partial net learned: how much of the group each layer keeps."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.appearance import save

__all__ = ["draw_learned_ranges"]

PREFIX = "range/"


def draw_learned_ranges(
    history: Sequence[Mapping[str, float]], layers: Sequence[str], path: Path
) -> None:
    """Draw the learned range of every layer over training, and keep-probabilities if there are any.

    Args:
        history: one record an epoch, with "epoch", "range/<layer>" (θ, in units of π) and
            "range/<layer>.<part>" (the probability to keep that part of the group).
        layers: names of the layers, in their order.
        path: the PNG to write; its folder is made.
    """
    from matplotlib.figure import Figure  # a heavy import, for the end of a run

    names = {
        (part, layer): PREFIX + layer + part
        for layer in layers
        for part in _parts(history[-1], layer, layers)
    }
    parts = list(dict.fromkeys(part for part, _ in sorted(names, key=lambda each: each[0] != "")))
    columns = 1 if len(parts) < 3 else 3
    rows = -(-len(parts) // columns)
    figure = Figure(figsize=(7 if columns == 1 else 12, 1 + 3 * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False, sharex=True).flat)
    for panel, part in zip(panels, parts, strict=False):
        shown = [layer for layer in layers if (part, layer) in names]
        for place, layer in enumerate(shown):
            shade = place / max(len(shown) - 1, 1)
            panel.plot(
                [record["epoch"] for record in history],
                [record[names[part, layer]] for record in history],
                label=layer,
                color=(0.9 * shade, 0.35 + 0.25 * shade, 0.7 - 0.6 * shade),
                marker="o" if len(history) < 3 else None,
                linewidth=2,
            )
        panel.set_ylim(-0.03, 1.05)
        panel.grid(alpha=0.3)
        panel.set_ylabel(f"probability to keep {part[1:]}" if part else "kept range of rotations θ")
        if not part:
            degrees = panel.secondary_yaxis("right", functions=(to_degrees, to_share))
            degrees.set_ylabel("rotations up to ± degrees")
            degrees.set_yticks([0, 45, 90, 135, 180])
        panel.set_xlabel("epoch")
        panel.xaxis.set_tick_params(labelbottom=True)
        panel.xaxis.get_major_locator().set_params(integer=True)
    for panel in panels[len(parts) :]:
        panel.set_visible(False)
    panels[0].legend(title="layer", fontsize="small", ncols=1 + len(layers) // 8)
    figure.suptitle("How much of the group each layer keeps")
    save(figure, path)


def _parts(record: Mapping[str, float], layer: str, layers: Sequence[str]) -> list[str]:
    """What a layer has in a record: "" for its range, ".part" for a part of the group.

    A layer's name may itself have dots in it: what belongs to a longer name is not its own.
    """
    own = PREFIX + layer
    longer = [f"{PREFIX}{each}" for each in layers if each.startswith(f"{layer}.")]
    names = [name for name in record if name == own or name.startswith(f"{own}.")]
    return [name.removeprefix(own) for name in names if not name.startswith(tuple(longer))]


def to_degrees(share: float) -> float:
    """The largest angle of a range θ in units of π."""
    return 180 * share


def to_share(degrees: float) -> float:
    """The range θ, in units of π, of a largest angle."""
    return degrees / 180
