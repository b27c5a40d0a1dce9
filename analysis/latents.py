"""Figures of an autoencoder's latent space: where the views lie, what is decoded from there."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from analysis.appearance import save
from datasets.spec import DataSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_classes", "draw_latents", "draw_rows", "draw_traversal", "sheet", "shown"]

GRID = 12  # images along a side of a traversal
DOTS: dict[str, Any] = {"s": 5, "linewidths": 0}


def shown(images: Tensor, spec: DataSpec) -> Tensor:
    """Normalised images [..., C, H, W] in 0..1, as [..., H, W, C] on the CPU."""
    return spec.denormalised(images).clamp(0, 1).movedim(-3, -1).cpu()


def principal(latents: Tensor) -> tuple[Tensor, tuple[str, str]]:
    """Latents [M, d] in the plane [M, 2] of their largest variance, and the names of its axes."""
    if latents.shape[1] == 2:
        return latents, ("latent 1", "latent 2")
    centred = latents - latents.mean(0)
    _, values, axes = torch.linalg.svd(centred, full_matrices=False)
    shares = values.square() / values.square().sum()
    names = [f"principal axis {i + 1} ({100 * shares[i]:.0f} % of the variance)" for i in (0, 1)]
    return centred @ axes[:2].T, (names[0], names[1])


def draw_latents(orbits: Tensor, classes: Tensor, names: Sequence[str], path: Path) -> None:
    """Draw latents [N, V, d] of classes [N] twice: coloured by class, and by the view's angle."""
    from matplotlib.figure import Figure

    num, views = orbits.shape[:2]
    plane, axes = principal(orbits.flatten(0, 1).cpu())
    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    colours = classes.cpu().repeat_interleave(views)
    draw_classes(left, plane, colours, names)
    angles = (torch.arange(views) * (360 / views)).repeat(num)
    x, y = plane.T
    points = right.scatter(x, y, c=angles, cmap="twilight", vmin=0, vmax=360, **DOTS)
    bar = figure.colorbar(points, ax=right, ticks=range(0, 361, 90))
    bar.set_label("image turned by (degrees, counter-clockwise)")
    for panel in (left, right):
        panel.set(xlabel=axes[0], ylabel=axes[1])
        panel.set_aspect("equal")
    figure.suptitle("Latents of the test images, all views")
    save(figure, path)


def draw_classes(panel: "Axes", plane: Tensor, classes: Tensor, names: Sequence[str]) -> None:
    """Draw dots [M, 2], coloured by class, with a legend of the first ten classes."""
    x, y = plane.T
    panel.scatter(x, y, c=classes, cmap="tab10", vmin=-0.5, vmax=9.5, **DOTS)
    handles = [
        panel.scatter([], [], color=f"C{i}", label=name) for i, name in enumerate(names[:10])
    ]
    panel.legend(handles=handles, title="class", fontsize="small", loc="upper right")


def sheet(pictures: Tensor, gap: int = 1) -> Tensor:
    """Pictures [R, C, H, W] beside and below each other, with white lines between: [H', W']."""
    padded = torch.nn.functional.pad(pictures, (gap, 0, gap, 0), value=1.0)
    rows, columns, height, width = padded.shape
    return padded.transpose(1, 2).reshape(rows * height, columns * width)


def draw_rows(rows: Mapping[str, Tensor], spec: DataSpec, title: str, path: Path) -> None:
    """Draw images [N, V, C, H, W] by what they are called, those of each n below each other.

    The V columns are the views of an image, turned by 360°/V each.
    """
    from matplotlib.figure import Figure

    parts = torch.stack([shown(each, spec).mean(-1) for each in rows.values()], dim=1)
    num, views = parts.shape[0], parts.shape[2]
    pictures = parts.flatten(0, 1)  # [N·rows, V, H, W]
    height, width = (side + 1 for side in pictures.shape[2:])
    figure = Figure(figsize=(0.8 * views + 1.2, 0.8 * len(pictures) + 0.9), layout="constrained")
    panel = figure.subplots()
    panel.imshow(sheet(pictures).tolist(), cmap="gray", vmin=0, vmax=1)
    degrees = [f"{360 * k / views:g}°" for k in range(views)]
    panel.set_xticks([(k + 0.5) * width for k in range(views)], degrees)
    panel.set_yticks([(i + 0.5) * height for i in range(len(pictures))], [*rows] * num)
    panel.tick_params(length=0)
    panel.set_title(title)
    save(figure, path)


def draw_traversal(
    decode: Callable[[Tensor], Tensor], orbits: Tensor, spec: DataSpec, path: Path
) -> None:
    """Draw what is decoded from a grid in the plane of the latents [N, V, d].

    Of more than two latents the plane is that of their largest variance, through their mean.
    """
    from matplotlib.figure import Figure

    flat = orbits.flatten(0, 1).cpu()
    plane, names = principal(flat)
    low, high = (torch.quantile(plane, q, dim=0) for q in (0.01, 0.99))
    across, up = (torch.linspace(float(low[i]), float(high[i]), GRID) for i in (0, 1))
    grid = torch.stack(torch.meshgrid(across, up.flip(0), indexing="xy"), dim=-1).flatten(0, 1)
    if flat.shape[1] > 2:
        centred = flat - flat.mean(0)
        axes = torch.linalg.svd(centred, full_matrices=False)[2][:2]
        grid = flat.mean(0) + grid @ axes
    with torch.no_grad():
        pictures = shown(decode(grid.to(orbits.device)), spec).mean(-1)  # [GRID², H, W]
    whole = sheet(pictures.unflatten(0, (GRID, GRID)), gap=0)
    figure = Figure(figsize=(6.5, 6.5), layout="constrained")
    panel = figure.subplots()
    extent = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    panel.imshow(whole.tolist(), cmap="gray", vmin=0, vmax=1, extent=extent, aspect="auto")
    panel.set(xlabel=names[0], ylabel=names[1], title="What is decoded from the latent plane")
    save(figure, path)
