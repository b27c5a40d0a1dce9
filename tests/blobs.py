"""Smooth images with a formula, so that any turn of them is exact; and noise."""

import torch
from torch import Tensor

from partial_equiv.groups import Group

__all__ = ["blobs", "images"]


def blobs(
    group: Group, element: Tensor, *, num_images: int = 32, size: int = 28, seed: int = 0
) -> Tensor:
    """Images [B, 1, size, size] in float64 of five Gaussians each, acted on by an element.

    Radii are 2 to 3 pixels; centres lie within ±20 % of the size of the middle, so that nothing
    reaches the border, whose zero padding has corners and no turns.
    """
    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    centres = 0.4 * size * (uniform(num_images, 5, 2) - 0.5) @ group.matrix(element.double()).mT
    radii = 2 + uniform(num_images, 5)[..., None, None]
    heights = torch.randn(num_images, 5, 1, 1, generator=generator, dtype=torch.float64)
    steps = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    pixels = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)  # [H, W, 2]
    distance = (pixels - centres[:, :, None, None]).square().sum(-1)
    return (heights * torch.exp(-distance / (2 * radii**2))).sum(1, keepdim=True)


def images(*shape: int, seed: int = 0) -> Tensor:
    """Noise of this shape."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()
