r"""The contract of a stabiliser group H ≤ O(2), the part of G = R² ⋊ H that a layer samples.

Conventions, the same for every group and proved by one test:

- A position is (x, y) in pixels or in units of the kernel's radius: x to the right along an image's
  columns, y *downwards* along its rows.
- An element h acts on positions by the orthogonal matrix of `matrix`, on images by
  (h·f)(p) = f(h⁻¹p). A positive angle turns an image counter-clockwise as one looks at it, so that
  a quarter turn is `torch.rot90(image, 1, (-2, -1))`, and the mirror is `image.flip(-1)`.
- Elements are tensors [..., element_size]; every operation broadcasts over the leading dimensions.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from partial_equiv.refusal import Refusal

__all__ = ["Group"]


class Group(ABC):
    """A subgroup of O(2), with the operations that sampling and convolution need.

    Attributes:
        element_size: numbers that store one element.
        coordinate_size: numbers of the embedding that a continuous kernel reads.
        algebra_size: dimension of the Lie algebra; 0 for a discrete group.
        optional_parts: names of the parts that a learned subset may drop. The part that holds the
            identity always stays and is not named.
        size: number of elements; None if there are infinitely many.
    """

    element_size: ClassVar[int]
    coordinate_size: ClassVar[int]
    algebra_size: ClassVar[int]
    optional_parts: tuple[str, ...] = ()
    size: int | None = None

    @property
    def permutes_pixels(self) -> bool:
        """Whether every element maps the grid of pixels to itself."""
        return False

    @property
    def has_mirror(self) -> bool:
        """Whether some of its elements turn left into right (their determinant is −1)."""
        return "mirror" in self.optional_parts

    def identity(
        self, dtype: torch.dtype | None = None, device: torch.device | None = None
    ) -> Tensor:
        """The neutral element [element_size]: zeros, for every group here."""
        return torch.zeros(self.element_size, dtype=dtype, device=device)

    def of_order(self, order: int) -> "Group":
        """The group of the same family with another order.

        Raises:
            Refusal: if there is no such family.
        """
        raise Refusal(f"{type(self).__name__} has no order to choose", order=order)

    @abstractmethod
    def product(self, left: Tensor, right: Tensor) -> Tensor:
        """`left` after `right`, [..., element_size]."""

    @abstractmethod
    def inverse(self, elements: Tensor) -> Tensor:
        """The inverse elements, [..., element_size]."""

    @abstractmethod
    def matrix(self, elements: Tensor) -> Tensor:
        """The orthogonal matrices [..., 2, 2] by which elements act on positions (x, y)."""

    @abstractmethod
    def contains(self, matrix: Tensor) -> bool:
        """Whether an orthogonal matrix [2, 2] is that of an element, to 1e-4."""

    @abstractmethod
    def coordinates(self, elements: Tensor) -> Tensor:
        """An embedding [..., coordinate_size], continuous on the whole group: it has no seam."""

    @abstractmethod
    def exp(self, tangents: Tensor) -> Tensor:
        """The elements that vectors [..., algebra_size] of the Lie algebra lead to."""

    @abstractmethod
    def log(self, elements: Tensor) -> Tensor:
        """The shortest tangent [..., algebra_size] of the elements' identity-component part."""

    @abstractmethod
    def subset(self, num_elements: int, extent: Tensor, offset: Tensor) -> Tensor:
        """A regular grid over the part of the group within `extent` of the identity.

        Args:
            num_elements: n, elements in the grid, all parts of the group counted.
            extent: share [...] of the continuous part, in [0, 1]; 1 is the whole group.
            offset: shift [...] of the grid, in units of half its spacing, in [-1, 1].

        Returns:
            Elements [..., n, element_size].

        Raises:
            Refusal: if a grid of this group cannot have n elements.
        """

    def grid(
        self,
        num_elements: int,
        dtype: torch.dtype | None = None,
        device: torch.device | None = None,
    ) -> Tensor:
        """The regular grid [n, element_size] over the whole group. Raises as `subset` does."""
        zero = torch.zeros((), dtype=dtype, device=device)
        return self.subset(num_elements, zero + 1, zero)

    def part(self, num_elements: int) -> Tensor:
        """The part of each element of a grid, [n]: 0 always stays, i is `optional_parts[i-1]`."""
        return torch.zeros(num_elements, dtype=torch.long)

    @abstractmethod
    def uniform(
        self,
        num_elements: int,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        """Independent draws [n, element_size] from the Haar measure."""
