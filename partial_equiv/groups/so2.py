r"""The rotations SO(2): G = SE(2) = R² ⋊ SO(2).

An element is its angle θ in radians; R(θ) = [[cos θ, sin θ], [-sin θ, cos θ]] on (x, y), y
downwards.
"""

from math import pi

import torch
from torch import Tensor

from partial_equiv.groups.base import Group

__all__ = ["SO2", "angle_grid", "rotation_matrix", "wrap"]


def wrap(angles: Tensor) -> Tensor:
    """The same angles in [-π, π]."""
    return torch.atan2(angles.sin(), angles.cos())


def rotation_matrix(angles: Tensor) -> Tensor:
    """Rotations [..., 2, 2] of positions (x, y) for angles [...], counter-clockwise to the eye."""
    cos, sin = angles.cos(), angles.sin()
    return torch.stack([cos, sin, -sin, cos], dim=-1).unflatten(-1, (2, 2))


def angle_grid(num_angles: int, extent: Tensor, offset: Tensor) -> Tensor:
    """Angles extent·π·u_j [..., n] with u_j = (2j + 1)/n - 1 + offset/n.

    With extent 1 and 4 | n the grid is closed under quarter turns, whatever the offset.
    """
    steps = torch.arange(num_angles, dtype=extent.dtype, device=extent.device)
    centres = (2 * steps + 1) / num_angles - 1
    return extent[..., None] * pi * (centres + offset[..., None] / num_angles)


class SO2(Group):
    """All rotations of the plane about the origin; elements are angles [..., 1].

    >>> SO2().matrix(torch.tensor([0.0])).tolist()
    [[1.0, 0.0], [-0.0, 1.0]]
    """

    element_size = 1
    coordinate_size = 2
    algebra_size = 1

    def product(self, left: Tensor, right: Tensor) -> Tensor:
        return left + right

    def inverse(self, elements: Tensor) -> Tensor:
        return -elements

    def matrix(self, elements: Tensor) -> Tensor:
        return rotation_matrix(elements[..., 0])

    def contains(self, matrix: Tensor) -> bool:
        return matrix.det().item() > 0

    def coordinates(self, elements: Tensor) -> Tensor:
        return torch.cat([elements.cos(), elements.sin()], dim=-1)

    def exp(self, tangents: Tensor) -> Tensor:
        return tangents

    def log(self, elements: Tensor) -> Tensor:
        return wrap(elements)

    def subset(self, num_elements: int, extent: Tensor, offset: Tensor) -> Tensor:
        return self.exp(angle_grid(num_elements, extent, offset)[..., None])

    def uniform(
        self,
        num_elements: int,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        return pi * (2 * torch.rand(num_elements, 1, generator=generator, dtype=dtype) - 1)
