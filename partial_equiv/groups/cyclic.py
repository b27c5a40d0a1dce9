"""The n rotations C_n of a regular polygon: G = R² ⋊ C_n, p4 for n = 4."""

import torch
from torch import Tensor

from partial_equiv.groups.finite import FiniteRotations
from partial_equiv.groups.so2 import SO2
from partial_equiv.intervals import Count

__all__ = ["Cyclic"]


class Cyclic(FiniteRotations):
    """Rotations by multiples of 360°/n; elements are those multiples [..., 1].

    Exact on pixels for quarter turns iff 4 | n.

    Args:
        order: n.

    >>> Cyclic(4).optional_parts
    ('rot90', 'rot180', 'rot270')
    >>> Cyclic(3).cayley_table().tolist()
    [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
    """

    whole = SO2()
    element_size = 1
    coordinate_size = 2

    def __init__(self, order: Count = 1) -> None:
        super().__init__(order)
        self.size = order
        self.optional_parts = tuple(self.rotations())

    def elements(
        self, dtype: torch.dtype | None = None, device: torch.device | None = None
    ) -> Tensor:
        dtype = dtype or torch.get_default_dtype()
        return torch.arange(self.order, dtype=dtype, device=device)[:, None]
