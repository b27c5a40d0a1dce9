r"""Finite groups: all elements are used, products are exact, and each element can be dropped alone.

The subgroups of SO(2) and O(2) with n rotations are C_n and D_n. Their elements are stored as those
of the group they lie in, with the angle counted in n-ths of a turn: whole numbers, so that products
and inverses are integer arithmetic modulo n, without rounding.
"""

from abc import abstractmethod
from math import tau
from typing import ClassVar, Self

import torch
from torch import Tensor

from partial_equiv.groups.base import Group
from partial_equiv.intervals import Count
from partial_equiv.refusal import Refusal

__all__ = ["Finite", "FiniteRotations"]


class Finite(Group):
    """A group of finitely many elements.

    Every element but the identity is an optional part of its own.
    """

    algebra_size = 0
    size: int

    @abstractmethod
    def elements(
        self, dtype: torch.dtype | None = None, device: torch.device | None = None
    ) -> Tensor:
        """All elements [size, element_size], the identity first."""

    @abstractmethod
    def grid_permuting(self) -> Tensor:
        """Which elements [size] map the grid of pixels to itself: quarter turns and mirrors."""

    @property
    def permutes_pixels(self) -> bool:
        return bool(self.grid_permuting().all())

    def contains(self, matrix: Tensor) -> bool:
        matrices = self.matrix(self.elements(matrix.dtype, matrix.device))
        return (matrices - matrix).abs().amax((-2, -1)).min().item() < 1e-4

    def cayley_table(self) -> Tensor:
        """The place [size, size] of each product (row after column) in `elements()`."""
        elements = self.elements()
        products = self.product(elements[:, None], elements)
        return (products[:, :, None] == elements).all(-1).long().argmax(-1)

    def exp(self, tangents: Tensor) -> Tensor:
        return self.identity(tangents.dtype, tangents.device).expand(*tangents.shape[:-1], -1)

    def log(self, elements: Tensor) -> Tensor:
        return elements[..., :0]

    def subset(self, num_elements: int, extent: Tensor, offset: Tensor) -> Tensor:
        if num_elements != self.size:
            amount = f"{self.size} element" + "s" * (self.size > 1)
            raise Refusal(
                f"{type(self).__name__} has {amount}, use num_samples={self.size}",
                num_samples=num_elements,
            )
        elements = self.elements(extent.dtype, extent.device)
        return elements.expand(*torch.broadcast_shapes(extent.shape, offset.shape), -1, -1)

    def part(self, num_elements: int) -> Tensor:
        return torch.arange(num_elements)

    def uniform(
        self,
        num_elements: int,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        return self.elements(dtype)[torch.randint(self.size, (num_elements,), generator=generator)]


class FiniteRotations(Finite):
    """What C_n and D_n share: n rotations, as elements of a continuous group `whole`.

    Args:
        order: n.

    Raises:
        Refusal: if n is less than 1.
    """

    whole: ClassVar[Group]

    def __init__(self, order: Count = 1) -> None:
        if order < 1:
            raise Refusal("must be at least 1", order=order)
        self.order = order

    def of_order(self, order: int) -> Self:
        return type(self)(order)

    def rotations(self) -> list[str]:
        """The names of the rotations but the identity: rot90, for instance."""
        return [f"rot{round(360 * k / self.order)}" for k in range(1, self.order)]

    def product(self, left: Tensor, right: Tensor) -> Tensor:
        return self._wrapped(self.whole.product(left, right))

    def inverse(self, elements: Tensor) -> Tensor:
        return self._wrapped(self.whole.inverse(elements))

    def matrix(self, elements: Tensor) -> Tensor:
        return self.whole.matrix(self.embedded(elements))

    def coordinates(self, elements: Tensor) -> Tensor:
        return self.whole.coordinates(self.embedded(elements))

    def grid_permuting(self) -> Tensor:
        return 4 * self.elements()[:, 0] % self.order == 0

    def embedded(self, elements: Tensor) -> Tensor:
        """The same elements with angles in radians, as `whole` stores them."""
        return torch.cat([elements[..., :1] * (tau / self.order), elements[..., 1:]], dim=-1)

    def _wrapped(self, elements: Tensor) -> Tensor:
        return torch.cat([elements[..., :1] % self.order, elements[..., 1:]], dim=-1)
