r"""How a symmetry acts on images and features.

(h·x)(p) = x(h⁻¹p) on images and (h·y)(p, h') = y(h⁻¹p, h⁻¹h') on features of the regular
representation. On pixels, quarter turns and mirrors move values without touching them; other
elements interpolate bilinearly, and are only as exact as the images are smooth.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from partial_equiv.gconv import GroupFeature
from partial_equiv.groups import Finite, Group
from partial_equiv.groups.pixels import permute_pixels, permutes_pixels
from partial_equiv.refusal import Refusal

__all__ = [
    "Action",
    "Value",
    "act",
    "act_on_images",
    "actions",
    "resample",
    "translate_elements",
]

Value: TypeAlias = Tensor | GroupFeature
Representation: TypeAlias = Callable[[Tensor], Tensor]


def act_on_images(
    matrix: Tensor, images: Tensor, interpolation: Literal["bilinear", "bicubic"] = "bilinear"
) -> Tensor:
    """Move images [..., H, W] by an orthogonal matrix [2, 2] on positions (x, y) from the centre.

    Signed permutations (quarter turns and mirrors) permute pixels exactly; a quarter turn of a
    rectangle swaps its sides. Anything else is interpolated, with zeros from outside; bicubic
    values are less blurred, and may overshoot.
    """
    if permutes_pixels(matrix):
        return permute_pixels(matrix, images)
    maps = images.reshape(1, -1, *images.shape[-2:])
    return resample(matrix[None], maps, interpolation).reshape(images.shape)


def resample(
    matrices: Tensor,
    images: Tensor,
    interpolation: Literal["bilinear", "bicubic"] = "bilinear",
    outside: Literal["zeros", "border"] = "zeros",
) -> Tensor:
    """Move each of the images [N, C, H, W] by its own matrix [N, 2, 2], as `act_on_images` does.

    Always interpolates, and is differentiable with respect to the matrices. Beyond the image lie
    zeros, or its border is continued.
    """
    height, width = images.shape[-2:]
    half = matrices.new_tensor([width - 1, height - 1]) / 2
    x = torch.arange(width, dtype=matrices.dtype, device=matrices.device) - half[0]
    y = torch.arange(height, dtype=matrices.dtype, device=matrices.device) - half[1]
    targets = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)  # [H, W, 2]
    sources = targets @ matrices[:, None] / half.clamp_min(0.5)  # [N, H, W, 2]: h⁻¹p, rows times h
    grid = sources.to(images.dtype)
    return functional.grid_sample(images, grid, interpolation, outside, align_corners=True)


def translate_elements(group: Group, element: Tensor, feature: GroupFeature) -> GroupFeature:
    """Turn y(·, h') into y(·, h⁻¹h') by permuting the group axis of a feature.

    The element h is read in `group`, the feature's own h' in the group that the feature carries (in
    `group` if it carries none); both meet as matrices.

    Raises:
        TypeError: if the feature's group does not contain h, so that h does not act on it.
        Refusal: if the group does, but the feature's elements are not closed under h: there is
            no value at some h⁻¹h'.
    """
    own = feature.group or group
    if feature.elements.shape[-1] != own.element_size:
        raise TypeError(f"the feature's elements are not those of {named(own)}")
    matrix = group.matrix(element).to(feature.elements)
    if not own.contains(matrix):
        raise TypeError(
            f"{type(group).__name__} {element.tolist()} is not an element of {named(own)}, "
            "the group of the feature"
        )
    there = own.matrix(feature.elements)  # [S, G, 2, 2]
    wanted = matrix.mT @ there
    distance = (wanted[:, :, None] - there[:, None]).abs().amax((-2, -1))  # [S, G, G]
    nearest, source = distance.min(-1)
    if nearest.max() > 1e-4:
        raise Refusal(
            f"the feature's elements are not closed under {element.tolist()}: the nearest one to "
            f"h⁻¹h' is {nearest.max().item():.2g} away"
        )
    index = source.expand(len(feature.x), -1)[:, None, :, None, None].expand_as(feature.x)
    weights = feature.weights
    return replace(
        feature,
        x=feature.x.gather(2, index),
        weights=None if weights is None else weights.gather(1, source.expand_as(weights)),
    )


def named(group: Group) -> str:
    """A group in words."""
    size = "" if group.size is None else f" of {group.size} element{'s' * (group.size > 1)}"
    return type(group).__name__ + size


def act(
    group: Group, element: Tensor, value: Value, representation: Representation | None = None
) -> Value:
    """h·value, by the representation that the shape of a value says it carries.

    Vectors [B, K] (and [B]) are invariant; maps [B, C, H, W] move; features are regular: they move,
    and their elements are permuted, too. The features of the trivial group are maps. What other
    tensors stand for is said by a layout, see `partial_equiv.equivariance.layouts`.

    Args:
        group: of h.
        element: h, [element_size].
        value: what is acted on.
        representation: ρ(h) [K, K] by h's matrix [2, 2], a sum of irreps: vectors and maps of K
            channels (not those of other numbers) are also multiplied by it.

    Raises:
        Refusal: as `translate_elements` does.
        TypeError: likewise, and for a tensor of another shape.
    """
    element = element.to((value.x if isinstance(value, GroupFeature) else value).device)
    matrix = group.matrix(element)
    if isinstance(value, GroupFeature):
        moved = value.map(lambda x: act_on_images(matrix, x))
        trivial = value.elements.shape[-1] == 0
        return moved if trivial else translate_elements(group, element, moved)
    if value.dim() not in (1, 2, 4):
        raise TypeError(f"it is not known how {type(group).__name__} acts on {list(value.shape)}")
    if representation is not None and value.dim() > 1:
        exact = matrix.round() if permutes_pixels(matrix) else matrix
        mixing = representation(exact.to(value))
        if mixing.shape[1] == value.shape[1]:
            value = torch.einsum("ij,bj...->bi...", mixing, value)
    return act_on_images(matrix, value) if value.dim() == 4 else value


@dataclass(frozen=True)
class Action:
    """One element of a group as a function of images and features: see `act`."""

    group: Group
    element: Tensor
    representation: Representation | None = None

    def __call__(self, value: Value) -> Value:
        return act(self.group, self.element, value, self.representation)

    @property
    def interpolates(self) -> bool:
        """Whether it moves values between the pixels, and is not exact."""
        return not permutes_pixels(self.group.matrix(self.element))


def actions(
    group: Group, elements: Tensor | None = None, representation: Representation | None = None
) -> list[Action]:
    """The actions of elements [n, d], or of all that permute the pixels if that is None.

    Raises:
        Refusal: if no elements are given for a continuous group.

    >>> from partial_equiv.groups import Cyclic
    >>> [action.element.tolist() for action in actions(Cyclic(8))]
    [[0.0], [2.0], [4.0], [6.0]]
    """
    if elements is None:
        if not isinstance(group, Finite):
            raise Refusal(f"{type(group).__name__} has infinitely many", elements=None)
        elements = group.elements()[group.grid_permuting()]
    return [Action(group, element, representation) for element in elements]
