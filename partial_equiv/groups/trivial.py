"""The trivial group {e}: G = R², the translations alone (T2), as in an ordinary convolution."""

import torch
from torch import Tensor

from partial_equiv.groups.finite import Finite

__all__ = ["Trivial"]


class Trivial(Finite):
    """The group of one element, stored in no numbers at all: [..., 0].

    >>> Trivial().grid(1).shape
    torch.Size([1, 0])
    """

    element_size = 0
    coordinate_size = 0
    size = 1

    def elements(
        self, dtype: torch.dtype | None = None, device: torch.device | None = None
    ) -> Tensor:
        return torch.empty(1, 0, dtype=dtype, device=device)

    def grid_permuting(self) -> Tensor:
        return torch.tensor([True])

    def product(self, left: Tensor, right: Tensor) -> Tensor:
        return left + right

    def inverse(self, elements: Tensor) -> Tensor:
        return elements

    def matrix(self, elements: Tensor) -> Tensor:
        plane = torch.eye(2, dtype=elements.dtype, device=elements.device)
        return plane.expand(*elements.shape[:-1], 2, 2)

    def coordinates(self, elements: Tensor) -> Tensor:
        return elements
