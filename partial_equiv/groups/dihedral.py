"""The n rotations and n mirrors D_n of a regular polygon: G = R² ⋊ D_n, p4m for n = 4."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from partial_equiv.groups.finite import FiniteRotations
from partial_equiv.groups.o2 import O2
from partial_equiv.intervals import Count

__all__ = ["Dihedral"]


class Dihedral(FiniteRotations):
    """Rotations h by multiples of 360°/n, and their mirror images M·h: 2n elements.

    They are stored as (multiple, mirrored) [..., 2], R(multiple · 360°/n)·M^mirrored, as in O(2),
    and listed as O(2)'s grid is: the rotations, then M·h in the same order. The part `rot90_mirror`
    turns by 90°, then mirrors.

    Args:
        order: n.

    >>> Dihedral(2).optional_parts
    ('rot180', 'mirror', 'rot180_mirror')
    >>> Dihedral(4).elements()[4:].tolist()
    [[0.0, 1.0], [3.0, 1.0], [2.0, 1.0], [1.0, 1.0]]
    """

    whole = O2()
    element_size = 2
    coordinate_size = 3

    def __init__(self, order: Count = 1) -> None:
        super().__init__(order)
        self.size = 2 * order
        turns = self.rotations()
        self.optional_parts = (*turns, "mirror", *(f"{turn}_mirror" for turn in turns))

    def elements(
        self, dtype: torch.dtype | None = None, device: torch.device | None = None
    ) -> Tensor:
        dtype = dtype or torch.get_default_dtype()
        rotations = pad(torch.arange(self.order, dtype=dtype, device=device)[:, None], (0, 1))
        mirror = torch.tensor([0.0, 1.0], dtype=dtype, device=device)
        return torch.cat([rotations, self.product(mirror, rotations)])
