r"""The rotations and mirrors O(2): G = E(2) = R² ⋊ O(2).

An element (θ, m) is the matrix R(θ)·Mᵐ with M = diag(-1, 1), the left-right mirror, and m ∈ {0, 1}:

    (θ, m)(φ, k) = (θ + (-1)ᵐ φ, m ⊕ k),    M·R(θ) = R(-θ)·M.
"""

import torch
from torch import Tensor

from partial_equiv.groups.base import Group
from partial_equiv.groups.so2 import SO2, angle_grid, rotation_matrix, wrap
from partial_equiv.refusal import Refusal

__all__ = ["O2"]


class O2(Group):
    """All rotations and mirrors that fix the origin; elements are (angle, mirrored) [..., 2].

    A grid of n holds n/2 rotations h and then their mirror images M·h. (Mirroring the same angles,
    M·h and not h·M, keeps a randomly shifted grid closed under the mirror.)

    >>> O2().part(4).tolist()
    [0, 0, 1, 1]
    """

    element_size = 2
    coordinate_size = 3
    algebra_size = 1
    optional_parts = ("mirror",)

    def product(self, left: Tensor, right: Tensor) -> Tensor:
        angle = left[..., 0] + (1 - 2 * left[..., 1]) * right[..., 0]
        return torch.stack([angle, (left[..., 1] - right[..., 1]).abs()], dim=-1)

    def inverse(self, elements: Tensor) -> Tensor:
        angle, mirrored = elements.unbind(-1)
        return torch.stack([(2 * mirrored - 1) * angle, mirrored], dim=-1)

    def matrix(self, elements: Tensor) -> Tensor:
        sign = 1 - 2 * elements[..., 1]
        columns = torch.stack([sign, torch.ones_like(sign)], dim=-1)
        return rotation_matrix(elements[..., 0]) * columns[..., None, :]

    def contains(self, matrix: Tensor) -> bool:
        return True

    def coordinates(self, elements: Tensor) -> Tensor:
        angle, mirrored = elements.unbind(-1)
        return torch.stack([angle.cos(), angle.sin(), 1 - 2 * mirrored], dim=-1)

    def exp(self, tangents: Tensor) -> Tensor:
        return torch.cat([tangents, torch.zeros_like(tangents)], dim=-1)

    def log(self, elements: Tensor) -> Tensor:
        return wrap(elements[..., :1])

    def subset(self, num_elements: int, extent: Tensor, offset: Tensor) -> Tensor:
        if num_elements % 2:
            raise Refusal(
                "a grid of O(2) holds each rotation and its mirror image, use an even number",
                num_samples=num_elements,
            )
        rotations = self.exp(angle_grid(num_elements // 2, extent, offset)[..., None])
        mirror = torch.tensor([0.0, 1.0], dtype=rotations.dtype, device=rotations.device)
        return torch.cat([rotations, self.product(mirror, rotations)], dim=-2)

    def part(self, num_elements: int) -> Tensor:
        return torch.arange(num_elements) // (num_elements // 2)

    def uniform(
        self,
        num_elements: int,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        angles = SO2().uniform(num_elements, generator, dtype)
        coin = torch.rand(num_elements, 1, generator=generator, dtype=dtype)
        return torch.cat([angles, (coin < 0.5).to(angles.dtype)], dim=-1)
