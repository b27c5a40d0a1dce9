"""A feature map on a sampled group: what flows between the layers."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from partial_equiv.groups import Group

__all__ = ["GroupFeature"]


@dataclass(frozen=True)
class GroupFeature:
    """Values of a function on R² ⋊ H at the pixels and at sampled elements of H.

    Attributes:
        x: values [B, C, G, H, W].
        elements: the G sampled elements [S, G, d]; S is 1, or B if each image has its own.
        weights: what each element counts for [S, G]; 0 for a dropped one. None: all count the same.
        offset: the draw [S] that shifted the elements' grid, for layers that share it.
        group: H, which says what the numbers of an element mean; None if nobody said.
    """

    x: Tensor
    elements: Tensor
    weights: Tensor | None = None
    offset: Tensor | None = None
    group: Group | None = None

    def map(self, function: Callable[[Tensor], Tensor]) -> "GroupFeature":
        """The same elements with the values function(x)."""
        return replace(self, x=function(self.x))

    def broadcast_weights(self) -> Tensor | None:
        """The weights as [S, 1, G, 1, 1], to multiply x with, or None if all count the same."""
        return None if self.weights is None else self.weights[:, None, :, None, None]

    def group_mean(self) -> Tensor:
        """The normalised integral over H, [B, C, H, W]: the weighted mean over the elements."""
        weights = self.broadcast_weights()
        if weights is None:
            return self.x.mean(2)
        return (self.x * weights).sum(2) / weights.sum(2)

    def group_max(self) -> Tensor:
        """The maximum over the elements that are kept, [B, C, H, W].

        A dropped element is lowered to the minimum, through its weight, so that the choice to keep
        an element feels the gradient of the maximum that it provides.
        """
        weights = self.broadcast_weights()
        if weights is None:
            return self.x.amax(2)
        floor = self.x.amin(2, keepdim=True).detach()
        return ((self.x - floor) * weights).amax(2) + floor[:, :, 0]
