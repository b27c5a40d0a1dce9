"""A feature map on a sampled group: what flows between the layers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

import torch
from torch import Tensor

from partial_equiv.groups import Group
from partial_equiv.refusal import Refusal

__all__ = ["GroupFeature", "masked", "measure"]

ADVICE = (
    "use a layer of partial_equiv, such as Activation(nn.ReLU()), Norm, SpatialPool or GroupPool, "
    "or feature.map(function) on its values, feature.x [B, C, G, H, W]"
)


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

    @property
    def shape(self) -> torch.Size:
        """The sizes [B, C, G, H, W] of x."""
        return self.x.shape

    def __add__(self, other: "GroupFeature") -> "GroupFeature":
        """The sum of two features at the same elements, for residual blocks.

        Raises:
            Refusal: if their elements or the elements' weights differ.
        """
        if not isinstance(other, GroupFeature):
            return NotImplemented
        if not (same(self.elements, other.elements) and same(self.weights, other.weights)):
            raise Refusal(
                "these features lie at different group elements and cannot be added: carry one to "
                "the elements of the other with PointwiseConv(...)(feature, like=other)"
            )
        return self.map(lambda x: x + other.x)

    @classmethod
    def __torch_function__(cls, function: Callable[..., object], *_: object) -> NoReturn:
        """Tell what to do instead of handing a feature to a function of torch."""
        name = getattr(function, "__name__", str(function))
        raise TypeError(f"torch's {name} cannot read a GroupFeature: {ADVICE}")

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a GroupFeature has no {name}: {ADVICE}")

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

        Dropped elements take no part in it, and get no gradient. The gradient of a weight is the
        difference that its element alone makes: what the maximum would lose without it, if it is
        kept, or gain with it, if it is dropped. That is a finite difference, which is the right
        slope of the expectation over keep-decisions where each element is decided alone.
        """
        weights = self.broadcast_weights()
        if weights is None:
            return self.x.amax(2)
        kept = self.x.masked_fill(weights == 0, -torch.inf)
        highest = kept.amax(2)
        if not weights.requires_grad:
            return highest
        with torch.no_grad():
            provides = kept == highest[:, :, None]
            second = kept.masked_fill(provides, -torch.inf).amax(2)
            alone = (provides.sum(2) == 1) & second.isfinite()
            loss = torch.where(alone, highest - second, 0)[:, :, None]
            worth = torch.where(provides, loss, (self.x - highest[:, :, None]).relu())
        return highest + (worth * (weights - weights.detach())).sum(2)


def same(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether two tensors that may be missing are equal."""
    return a is b or (a is not None and b is not None and torch.equal(a, b))


def masked(feature: GroupFeature) -> GroupFeature:
    """A feature whose values are multiplied by what its elements count for, relative to their mean,
    if that differs from image to image but the elements do not: all images then share a kernel."""
    if feature.weights is None or len(feature.weights) == 1 or len(feature.elements) > 1:
        return feature
    mask = (measure(feature) * feature.elements.shape[1]).to(feature.x.dtype)
    return replace(feature, x=feature.x * mask[:, None, :, None, None], weights=None)


def measure(feature: GroupFeature) -> Tensor:
    """What each element of a feature contributes to a mean over the group, [S, G]; sums to 1."""
    if feature.weights is None:
        num_elements = feature.elements.shape[1]
        return feature.elements.new_full((1, num_elements), 1 / num_elements)
    return feature.weights / feature.weights.sum(-1, keepdim=True)
