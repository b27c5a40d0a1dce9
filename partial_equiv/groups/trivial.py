"""The trivial group {e}: G = R², the translations alone (T2), as in an ordinary convolution."""

import torch
from torch import Tensor

from partial_equiv.groups.base import Group

__all__ = ["Trivial"]


class Trivial(Group):
    """The group of one element, stored in no numbers at all: [..., 0].

    >>> Trivial().grid(1).shape
    torch.Size([1, 0])
    """

    element_size = 0
    coordinate_size = 0
    algebra_size = 0

    def product(self, left: Tensor, right: Tensor) -> Tensor:
        return left + right

    def inverse(self, elements: Tensor) -> Tensor:
        return elements

    def matrix(self, elements: Tensor) -> Tensor:
        plane = torch.eye(2, dtype=elements.dtype, device=elements.device)
        return plane.expand(*elements.shape[:-1], 2, 2)

    def coordinates(self, elements: Tensor) -> Tensor:
        return elements

    def exp(self, tangents: Tensor) -> Tensor:
        return tangents

    def log(self, elements: Tensor) -> Tensor:
        return elements

    def subset(self, num_elements: int, extent: Tensor, offset: Tensor) -> Tensor:
        if num_elements != 1:
            raise ValueError(
                f"num_samples={num_elements}: the trivial group has 1 element, use num_samples=1"
            )
        return torch.zeros_like(extent + offset)[..., None, None].expand(*extent.shape, 1, 0)

    def uniform(
        self,
        num_elements: int,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        return torch.rand(num_elements, 0, generator=generator, dtype=dtype)
