"""How quarter turns and mirrors, which map the grid of pixels to itself, move images."""

import torch
from torch import Tensor

__all__ = ["permute_pixels", "permutes_pixels"]


def permutes_pixels(matrix: Tensor) -> bool:
    """Whether an orthogonal matrix [2, 2] is a signed permutation: a quarter turn or a mirror."""
    return torch.allclose(matrix, matrix.round(), rtol=0, atol=1e-5)


def permute_pixels(matrix: Tensor, images: Tensor) -> Tensor:
    """Move images [..., H, W] exactly by a signed permutation [2, 2] of positions (x, y).

    A quarter turn of a rectangle swaps its sides.

    >>> mirror = torch.tensor([[-1, 0], [0, 1]])
    >>> permute_pixels(mirror, torch.tensor([[1, 2], [3, 4]])).tolist()
    [[2, 1], [4, 3]]
    """
    inverse = matrix.round().to(torch.long).T
    swap = inverse[0, 0] == 0  # x of the source is read off y of the target
    images = images.transpose(-2, -1) if swap else images
    flips = [dim for dim, row in ((-1, inverse[:, 0]), (-2, inverse[:, 1])) if row.sum() < 0]
    return images.flip(flips) if flips else images
