r"""How a symmetry acts on images and features, and how far a module is from commuting with it.

A module f is equivariant to h iff f(h·x) = h·f(x), with (h·x)(p) = x(h⁻¹p) on images and
(h·y)(p, h') = y(h⁻¹p, h⁻¹h') on features of the regular representation; it is invariant iff
f(h·x) = f(x). On pixels, quarter turns and mirrors move values without touching them; other
elements interpolate bilinearly, and are only as exact as the images are smooth.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from partial_equiv.gconv import GroupFeature, SpatialPool
from partial_equiv.groups import Group

__all__ = [
    "act",
    "act_on_images",
    "equivariance_error",
    "inexact_pools",
    "resample",
    "translate_elements",
]


def act_on_images(
    matrix: Tensor, images: Tensor, interpolation: Literal["bilinear", "bicubic"] = "bilinear"
) -> Tensor:
    """Move images [..., H, W] by an orthogonal matrix [2, 2] on positions (x, y) from the centre.

    Signed permutations (quarter turns and mirrors) permute pixels exactly; a quarter turn of a
    rectangle swaps its sides. Anything else is interpolated, with zeros from outside; bicubic
    values are less blurred, and may overshoot.
    """
    rounded = matrix.round()
    if torch.allclose(matrix, rounded, rtol=0, atol=1e-5):
        inverse = rounded.to(torch.long).T
        swap = inverse[0, 0] == 0  # x of the source is read off y of the target
        images = images.transpose(-2, -1) if swap else images
        flips = [dim for dim, row in ((-1, inverse[:, 0]), (-2, inverse[:, 1])) if row.sum() < 0]
        return images.flip(flips) if flips else images
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

    Raises:
        ValueError: if the feature's elements are not closed under the element: there is no value at
            some h⁻¹h'.
    """
    wanted = group.matrix(group.product(group.inverse(element), feature.elements))  # [S, G, 2, 2]
    there = group.matrix(feature.elements)
    distance = (wanted[:, :, None] - there[:, None]).abs().amax((-2, -1))  # [S, G, G]
    nearest, source = distance.min(-1)
    if nearest.max() > 1e-4:
        raise ValueError(
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


def act(group: Group, element: Tensor, value: Tensor | GroupFeature) -> Tensor | GroupFeature:
    """h·value: on vectors [B, K] nothing, on maps [B, C, H, W] and features their action."""
    matrix = group.matrix(element)
    if isinstance(value, GroupFeature):
        moved = value.map(lambda x: act_on_images(matrix, x))
        return translate_elements(group, element, moved)
    return act_on_images(matrix, value) if value.dim() == 4 else value


@torch.no_grad()
def equivariance_error(
    module: nn.Module | Callable[[Tensor], Tensor | GroupFeature],
    group: Group,
    element: Tensor,
    images: Tensor,
    moved: Tensor | None = None,
) -> float:
    """RMS of f(h·x) - h·f(x), relative to the spread of f over the images.

    The spread is the RMS deviation from the mean over the batch: an error of 1 says that moving an
    image changes the output as much as taking another image does.

    Args:
        module: f, from images to vectors (where the error is one of invariance), maps or features.
        element: h, [element_size].
        images: x, [B, C, H, W] with B ≥ 2.
        moved: h·x if it is known better than by interpolation.

    Raises:
        ValueError: as `translate_elements` does, or if f gives all images the same output.
    """
    moved = act_on_images(group.matrix(element), images) if moved is None else moved
    expected, found = act(group, element, module(images)), module(moved)
    if isinstance(expected, GroupFeature):
        expected = expected.x
    if isinstance(found, GroupFeature):
        found = found.x
    spread = (expected - expected.mean(0)).square().mean().sqrt()
    if spread == 0:
        raise ValueError(
            "the module's output is the same for every image: no spread to compare with"
        )
    return ((found - expected).square().mean().sqrt() / spread).item()


@torch.no_grad()
def inexact_pools(
    model: nn.Module, in_channels: int, size: tuple[int, int]
) -> list[tuple[str, int]]:
    """The pooling layers that break exact equivariance on images of a size: (name, pixels there).

    Runs one empty image through the model. A model that does not subsample has none.
    """
    found: list[tuple[str, int]] = []

    def look(name: str, pool: SpatialPool, feature: GroupFeature) -> None:
        broken = [pixels for pixels in feature.x.shape[-2:] if not pool.commutes(pixels)]
        found.extend((name, pixels) for pixels in broken[:1])

    hooks = [
        module.register_forward_pre_hook(lambda pool, given, name=name: look(name, pool, given[0]))
        for name, module in model.named_modules()
        if isinstance(module, SpatialPool)
    ]
    training, weight = model.training, next(model.parameters())
    try:
        model.eval()(torch.zeros(1, in_channels, *size, dtype=weight.dtype, device=weight.device))
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return found
