"""Figures of a generator: its streamlines over what it preserves, and what its flow decodes to."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from analysis.appearance import BLUE, GREY, VERMILLION, save
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
    from matplotlib.figure import Figure

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
    figure = Figure(figsize=(7.5, 6), layout="constrained")
    panel = figure.subplots()
    values = level.unflatten(0, (RESOLUTION, RESOLUTION)).numpy()
    limit = float(level.abs().max()) if two else 1.0
    filled = panel.contourf(
        x.numpy(),
        y.numpy(),
        values,
        levels=24,
        cmap="RdBu_r" if two else "viridis",
        vmin=-limit if two else 0,
        vmax=limit,
        alpha=0.75,
    )
    figure.colorbar(filled, ax=panel).set_label(what)
    u, v = (arrows[..., i].numpy() for i in (0, 1))
    panel.streamplot(x.numpy(), y.numpy(), u, v, color="black", linewidth=0.8, density=1.3)
    if two:
        panel.contour(
            x.numpy(), y.numpy(), values, levels=[0], colors=[VERMILLION], linestyles="--"
        )
    colours = classes.cpu().repeat_interleave(orbits.shape[1])
    draw_classes(panel, flat, colours, names)
    panel.set(
        xlabel="latent 1",
        ylabel="latent 2",
        xlim=(float(x[0]), float(x[-1])),
        ylim=(float(y[0]), float(y[-1])),
        title="Streamlines of the generator over the oracle's level sets\n(dots: test images)",
    )
    save(figure, path)


def draw_decoded_flow(frames: Tensor, degrees: Tensor, path: Path, most: int = 8) -> None:
    """Draw decoded frames [N, F, C, H, W] in 0..1, a row a start, with their turns [N, F]."""
    from matplotlib.figure import Figure

    times = torch.linspace(0, frames.shape[1] - 1, min(frames.shape[1], 13)).round().long()
    rows = torch.linspace(0, len(frames) - 1, min(most, len(frames))).round().long()
    pictures = frames[rows][:, times].mean(2).cpu()  # [R, T, H, W]
    height, width = (side + 1 for side in pictures.shape[2:])
    size = (0.85 * len(times) + 0.4, 0.85 * len(rows) + 0.9)
    figure = Figure(figsize=size, layout="constrained")
    panel = figure.subplots()
    panel.imshow(sheet(pictures).tolist(), cmap="gray", vmin=0, vmax=1)
    box = {"facecolor": "black", "alpha": 0.6, "linewidth": 0, "pad": 0.8}
    for i, row in enumerate(rows.tolist()):
        for j, time in enumerate(times.tolist()):
            turn, place = f"{degrees[row, time]:.0f}°", (j * width + 2, i * height + 2)
            panel.text(*place, turn, color="yellow", fontsize="x-small", va="top", bbox=box)
    shares = [f"{time / (frames.shape[1] - 1):.2f}" for time in times.tolist()]
    panel.set_xticks([(j + 0.5) * width for j in range(len(times))], shares)
    panel.set_yticks([])
    panel.tick_params(length=0)
    panel.set_xlabel("time of the flow, in lengths of an orbit")
    panel.set_title("Decoded along the flow, a row a test image (yellow: turn that fits best)")
    save(figure, path)


def draw_turns(degrees: Tensor, length: float, path: Path) -> None:
    """Draw the turns [N, F] of decoded frames over the time of a flow."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4.5), layout="constrained")
    panel = figure.subplots()
    share = torch.linspace(0, 1, degrees.shape[1]).tolist()
    for line in degrees.tolist():
        panel.plot(share, line, color=BLUE, alpha=0.25, linewidth=1)
    panel.plot(share, degrees.mean(0).tolist(), color=VERMILLION, linewidth=2.5, label="mean")
    sign = 1 if degrees[:, -1].mean() >= 0 else -1
    panel.plot([0, 1], [0, 360 * sign], ":", color=GREY, label="once round, as the orbits go")
    panel.grid(alpha=0.3)
    panel.set(
        xlabel=f"time of the flow, in lengths of an orbit ({length:.3g})",
        ylabel="turn of the decoded image (degrees)",
        title="Does the flow turn the image? (a line a test image)",
    )
    panel.legend()
    save(figure, path)
