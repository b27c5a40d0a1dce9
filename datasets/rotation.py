"""Rotation of image batches, each image by its own angle, in one interpolation."""

import math
from typing import Annotated, Literal

import torch
from torch import Tensor
from torch.nn import functional

from datasets.randomness import keyed_generator
from partial_equiv.intervals import Interval

__all__ = ["Degrees", "RandomRotation", "random_degrees", "rotate", "turned", "turned_once"]

Degrees = Annotated[float, Interval(0, 180)]
"""The half width r of a range of angles [-r, r], in degrees."""


def rotate(
    images: Tensor,
    degrees: Tensor,
    *,
    size: int | None = None,
    frame: float = 1.0,
    interpolation: Literal["bilinear", "bicubic"] = "bilinear",
) -> Tensor:
    """Turn square float images [N, C, H, H] about their centres, counter-clockwise as seen.

    `degrees` is [N]; `size` is the side of the result (default H); `frame` is the side of the
    square that the result shows, in units of the image's own side. Beyond the border lies 0.

    >>> image = torch.arange(4.0).view(1, 1, 2, 2)
    >>> rotate(image, torch.tensor([90.0])).round().tolist()
    [[[[1.0, 3.0], [0.0, 2.0]]]]
    """
    num, channels, side, _ = images.shape
    side = side if size is None else size
    radians = degrees.to(images) * (math.pi / 180)
    cos, sin, zero = frame * radians.cos(), frame * radians.sin(), torch.zeros_like(radians)
    # Where a pixel of the result comes from: the inverse turn, in (x right, y down).
    rows = torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).view(num, 2, 3)  # [N, 2, 3]
    grid = functional.affine_grid(rows, [num, channels, side, side], align_corners=False)
    return functional.grid_sample(images, grid, mode=interpolation, align_corners=False)


def random_degrees(num: int, half_range: float, generator: torch.Generator) -> Tensor:
    """Draw angles [num] uniformly from [-half_range, half_range], in degrees."""
    return (2 * torch.rand(num, generator=generator) - 1) * half_range


class RandomRotation:
    """Augmentation: turn every image of a batch by its own angle in [-degrees, degrees]."""

    def __init__(self, degrees: Degrees) -> None:
        self.degrees = degrees

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Map images [B, C, H, H] to turned ones of the same shape."""
        return rotate(images, random_degrees(len(images), self.degrees, generator))


def turned_once(images: Tensor, half_range: float, *key: int | str) -> Tensor:
    """Turn uint8 images [N, C, H, H] by seeded angles, once and for all; uint8 again."""
    return turned(images, random_degrees(len(images), half_range, keyed_generator(*key)))


def turned(images: Tensor, degrees: Tensor) -> Tensor:
    """Turn uint8 images [N, C, H, H] by degrees [N]; uint8 again.

    The images pass in chunks, so that the sampling grids stay small.
    """
    pairs = zip(images.split(4096), degrees.split(4096), strict=True)
    return torch.cat([rotate(part.float(), each).round_().to(torch.uint8) for part, each in pairs])
