"""Figures of a generator: its streamlines over what it preserves, and what its flow decodes to."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from analysis.appearance import (
    ANSWERS,
    BLACK,
    BLUE,
    COLUMN,
    PAGE,
    PICTURE,
    SIGNED,
    VERMILLION,
    drawing,
    legend,
)
from analysis.latents import draw_classes, sheet

__all__ = ["draw_decoded_flow", "draw_streamlines", "draw_turns"]

RESOLUTION = 60


def draw_streamlines(
    field: Callable[[Tensor], Tensor],
    oracle: Callable[[Tensor], Tensor],
    orbits: Tensor,
    classes: Tensor,
    names: Sequence[str],
    path: Path,
) -> None:
    """Draw a vector field on latents [M, 2] over level sets of an oracle's logits.

    Two classes show the difference of their logits, and dashed where it is 0; more of them the
    highest probability. The latents [N, V, 2] of classes [N] are dots.
    """
    flat = orbits.flatten(0, 1).cpu()
    low, high = (torch.quantile(flat, q, dim=0) for q in (0.002, 0.998))
    margin = 0.1 * (high - low)
    x, y = (
        torch.linspace(float((low - margin)[i]), float((high + margin)[i]), RESOLUTION)
        for i in (0, 1)
    )
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)  # [R, R, 2]
    with torch.no_grad():
        at = grid.flatten(0, 1).to(orbits.device)
        arrows = field(at).cpu().unflatten(0, (RESOLUTION, RESOLUTION))
        logits = oracle(at).cpu()
    two = logits.shape[1] == 2
    level = logits[:, 1] - logits[:, 0] if two else logits.softmax(1).amax(1)
    what = f"logit of “{names[1]}” less that of “{names[0]}”" if two else "highest probability"
    values = level.unflatten(0, (RESOLUTION, RESOLUTION)).numpy()
    limit = float(level.abs().max()) if two else 1.0
    title = (
        "Does the learned flow keep the class? Its streamlines\n"
        "over what the classifier of latents (the oracle) says"
    )
    with drawing(path, title, width=1.5 * COLUMN, height=4.9) as figure:
        panel = figure.subplots()
        filled = panel.contourf(
            x.numpy(),
            y.numpy(),
            values,
            levels=24,
            cmap=SIGNED if two else ANSWERS,
            vmin=-limit if two else 0,
            vmax=limit,
            alpha=0.6,
        )
        figure.colorbar(filled, ax=panel).set_label(what)
        u, v = (arrows[..., i].numpy() for i in (0, 1))
        panel.streamplot(
            x.numpy(), y.numpy(), u, v, color=BLACK, linewidth=0.6, density=1.2, arrowsize=0.7
        )
        if two:
            edge: Any = {"levels": [0], "colors": [BLACK], "linestyles": "--", "linewidths": 2.2}
            panel.contour(x.numpy(), y.numpy(), values, **edge)
            panel.plot(
                [], [], "--", color=BLACK, linewidth=2.2, label="both classes equally likely"
            )
        panel.plot([], [], color=BLACK, linewidth=0.6, label="streamline of the generator")
        draw_classes(
            panel, flat, classes.cpu().repeat_interleave(orbits.shape[1]), [str(n) for n in names]
        )
        panel.set(
            xlabel="latent 1",
            ylabel="latent 2",
            xlim=(float(x[0]), float(x[-1])),
            ylim=(float(y[0]), float(y[-1])),
        )
        legend(figure, [panel], title="dots: all views of the test images, by their class")


def draw_decoded_flow(frames: Tensor, degrees: Tensor, path: Path, most: int = 8) -> None:
    """Draw decoded frames [N, F, C, H, W] in 0..1, a row a start, with their turns [N, F]."""
    times = torch.linspace(0, frames.shape[1] - 1, min(frames.shape[1], 13)).round().long()
    rows = torch.linspace(0, len(frames) - 1, min(most, len(frames))).round().long()
    pictures = frames[rows][:, times].mean(2).cpu()  # [R, T, H, W]
    high, wide = (side + 1 for side in pictures.shape[2:])
    gap = 0.3 * high  # below each row, for its turns
    cell = (PAGE - 0.2) / len(times)
    title = "Test images carried along the learned flow (a row each), and the turn that fits best"
    height = 0.85 + cell * len(rows) * (high + gap) / wide
    with drawing(path, title, width=PAGE, height=height) as figure:
        panel = figure.subplots()
        for i, row in enumerate(rows.tolist()):
            top = i * (high + gap)
            strip = sheet(pictures[i : i + 1])
            extent = (0, strip.shape[1], top + strip.shape[0], top)
            panel.imshow(strip.tolist(), cmap=PICTURE, vmin=0, vmax=1, extent=extent)
            for j, time in enumerate(times.tolist()):
                place = ((j + 0.5) * wide, top + high + gap / 2)
                panel.text(
                    *place, f"{degrees[row, time]:.0f}°", fontsize=7, ha="center", va="center"
                )
        panel.set(xlim=(0, len(times) * wide), ylim=(len(rows) * (high + gap), 0), frame_on=False)
        shares = [f"{time / (frames.shape[1] - 1):.2f}" for time in times.tolist()]
        panel.set_xticks([(j + 0.5) * wide for j in range(len(times))], shares)
        panel.set_yticks([])
        panel.tick_params(length=0)
        panel.set_xlabel("time of the flow (1: as long as an orbit)")


def draw_turns(degrees: Tensor, length: float, path: Path) -> None:
    """Draw the turns [N, F] of decoded frames over the time of a flow."""
    share = torch.linspace(0, 1, degrees.shape[1]).tolist()
    with drawing(path, "Does the learned flow turn the image?", height=3.0) as figure:
        panel = figure.subplots()
        for line in degrees.tolist():
            panel.plot(share, line, color=BLUE, alpha=0.25, linewidth=0.7)
        panel.plot([], [], color=BLUE, linewidth=0.7, label="a test image")
        panel.plot(share, degrees.mean(0).tolist(), color=VERMILLION, linewidth=2, label="mean")
        sign = 1 if degrees[:, -1].mean() >= 0 else -1
        panel.plot([0, 1], [0, 360 * sign], ":", color=BLACK, label="a rotation: once round")
        panel.grid()
        panel.set(
            xlabel=f"time of the flow (1: as long as an orbit, {length:.3g})",
            ylabel="turn of the decoded image (°)",
        )
        legend(figure)
