"""The figure of what a partial net learned: how much of the group each layer keeps."""

from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["draw_learned_ranges"]

PREFIX = "range/"


def draw_learned_ranges(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw the learned range of every layer over training, and keep-probabilities if there are any.

    Args:
        history: one record an epoch, with "epoch", "range/<layer>" (θ, in units of π) and
            "range/<layer>.<part>" (the probability to keep that part of the group).
        path: the PNG to write; its folder is made.
    """
    from matplotlib.figure import Figure  # a heavy import, for the end of a run

    names = [name.removeprefix(PREFIX) for name in history[-1] if name.startswith(PREFIX)]
    parts = sorted({name.partition(".")[2] for name in names})
    figure = Figure(figsize=(7, 1 + 3 * len(parts)), layout="constrained")
    panels = figure.subplots(len(parts), squeeze=False, sharex=True)[:, 0]
    for panel, part in zip(panels, parts, strict=True):
        layers = [name for name in names if name.partition(".")[2] == part]
        for place, layer in enumerate(layers):
            shade = place / max(len(layers) - 1, 1)
            panel.plot(
                [record["epoch"] for record in history],
                [record[PREFIX + layer] for record in history],
                label=layer.partition(".")[0],
                color=(0.9 * shade, 0.35 + 0.25 * shade, 0.7 - 0.6 * shade),
                marker="o" if len(history) < 3 else None,
                linewidth=2,
            )
        panel.set_ylim(-0.03, 1.05)
        panel.grid(alpha=0.3)
        panel.set_ylabel(f"probability to keep the {part}" if part else "kept range of rotations θ")
        if not part:
            degrees = panel.secondary_yaxis("right", functions=(to_degrees, to_share))
            degrees.set_ylabel("rotations up to ± degrees")
            degrees.set_yticks([0, 45, 90, 135, 180])
    panels[0].legend(title="layer", fontsize="small", ncols=1 + len(names) // 8)
    panels[0].set_title("How much of the group each layer keeps")
    panels[-1].set_xlabel("epoch")
    panels[-1].xaxis.get_major_locator().set_params(integer=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def to_degrees(share: float) -> float:
    """The largest angle of a range θ in units of π."""
    return 180 * share


def to_share(degrees: float) -> float:
    """The range θ, in units of π, of a largest angle."""
    return degrees / 180
