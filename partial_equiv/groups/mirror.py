"""The left-right mirror and the identity: G = R² ⋊ {e, M}."""

from typing import NoReturn

from torch import Tensor

from partial_equiv.groups.dihedral import Dihedral
from partial_equiv.refusal import Refusal

__all__ = ["Mirror"]


class Mirror(Dihedral):
    """The group of two elements D_1, without the coordinates of its only rotation.

    >>> Mirror().coordinates(Mirror().elements()).tolist()
    [[1.0], [-1.0]]
    """

    coordinate_size = 1

    def __init__(self) -> None:
        super().__init__(1)

    def of_order(self, order: int) -> NoReturn:
        raise Refusal("Mirror has no order to choose", order=order)

    def coordinates(self, elements: Tensor) -> Tensor:
        return super().coordinates(elements)[..., 2:]
