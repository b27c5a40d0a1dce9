"""Figures of an autoencoder's latent space: where the views lie, what is decoded from there."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from analysis.appearance import PAGE, PICTURE, angle_colours, class_colours, drawing, legend
from datasets.spec import DataSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_classes", "draw_latents", "draw_rows", "draw_traversal", "sheet", "shown"]

GRID = 12  # images along a side of a traversal
DOTS: dict[str, Any] = {"s": 4, "linewidths": 0, "rasterized": True}


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
    num, views = orbits.shape[:2]
    plane, axes = principal(orbits.flatten(0, 1).cpu())
    title = "Where the autoencoder puts the test images: a dot for each view"
    with drawing(path, title, width=PAGE, height=3.9) as figure:
        left, right = figure.subplots(1, 2, sharex=True, sharey=True)
        draw_classes(left, plane, classes.cpu().repeat_interleave(views), names)
        angles = (torch.arange(views) * (360 / views)).repeat(num)
        x, y = plane.T
        points = right.scatter(x, y, c=angles, cmap=angle_colours(), vmin=0, vmax=360, **DOTS)
        bar = figure.colorbar(points, ax=right, ticks=range(0, 361, 90), shrink=0.9)
        bar.set_label("image turned by (degrees, counter-clockwise)")
        for panel, heading in ((left, "by class"), (right, "by the angle of the view")):
            panel.set(xlabel=axes[0], ylabel=axes[1], title=heading)
            panel.set_aspect("equal")
        legend(figure, [left], title="class")


def draw_classes(panel: "Axes", plane: Tensor, classes: Tensor, names: Sequence[str]) -> None:
    """Draw dots [M, 2], coloured by class, with labels for a legend of the first ten classes."""
    colours = class_colours(len(names))
    for label, (name, colour) in enumerate(zip(names, colours, strict=True)):
        x, y = plane[classes == label].T
        panel.scatter(x, y, color=colour, **DOTS)
        if label < 10:
            panel.scatter([], [], color=colour, label=name, s=14)


def sheet(pictures: Tensor, gap: int = 1) -> Tensor:
    """Pictures [R, C, H, W] beside and below each other, with white lines between: [H', W']."""
    padded = torch.nn.functional.pad(pictures, (gap, 0, gap, 0), value=1.0)
    rows, columns, height, width = padded.shape
    return padded.transpose(1, 2).reshape(rows * height, columns * width)


def draw_rows(rows: Mapping[str, Tensor], spec: DataSpec, title: str, path: Path) -> None:
    """Draw images [N, V, C, H, W] by what they are called, those of each n below each other.

    The V columns are the views of an image, turned by 360°/V each.
    """
    parts = torch.stack([shown(each, spec).mean(-1) for each in rows.values()], dim=1)
    num, views = parts.shape[0], parts.shape[2]
    pictures = parts.flatten(0, 1)  # [N·rows, V, H, W]
    high, wide = (side + 1 for side in pictures.shape[2:])
    cell = (PAGE - 1.0) / views
    with drawing(
        path, title, width=PAGE, height=0.9 + cell * len(pictures) * high / wide
    ) as figure:
        panel = figure.subplots()
        panel.imshow(sheet(pictures).tolist(), cmap=PICTURE, vmin=0, vmax=1)
        degrees = [f"{360 * k / views:g}°" for k in range(views)]
        panel.set_xticks([(k + 0.5) * wide for k in range(views)], degrees)
        panel.set_yticks([(i + 0.5) * high for i in range(len(pictures))], [*rows] * num)
        panel.tick_params(length=0)
        panel.set_xlabel("view: image turned by (counter-clockwise)")


def draw_traversal(
    decode: Callable[[Tensor], Tensor], orbits: Tensor, spec: DataSpec, path: Path
) -> None:
    """Draw what is decoded from a grid in the plane of the latents [N, V, d].

    Of more than two latents the plane is that of their largest variance, through their mean.
    """
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
    extent = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    with drawing(path, "What is decoded from the latent plane", height=3.7) as figure:
        panel = figure.subplots()
        panel.imshow(whole.tolist(), cmap=PICTURE, vmin=0, vmax=1, extent=extent, aspect="auto")
        panel.set(xlabel=names[0], ylabel=names[1])
