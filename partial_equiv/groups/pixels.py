"""The grid of pixels: how quarter turns and mirrors permute it, and the disc that turns keep."""

import torch
from torch import Tensor

__all__ = ["inscribed_disc", "permute_pixels", "permutes_pixels"]


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


def inscribed_disc(
    size: tuple[int, int], device: torch.device | str = "cpu", share: float = 1.0
) -> Tensor:
    """Return which pixels [H, W] lie in the inscribed disc, or in a share of its radius.

    Exactly symmetric, for it is counted.

    >>> inscribed_disc((5, 5)).int().tolist()[:3]
    [[0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [1, 1, 1, 1, 1]]
    """
    rows, columns = (2 * torch.arange(side, device=device) - (side - 1) for side in size)
    return rows[:, None] ** 2 + columns**2 <= (share * (min(size) - 1)) ** 2
