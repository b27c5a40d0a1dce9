"""How far a value is from another, and a module from commuting with a symmetry."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor, nn

from partial_equiv.equivariance.actions import Value, act, act_on_images
from partial_equiv.gconv import GroupFeature
from partial_equiv.groups import Group

__all__ = ["Errors", "equivariance_error", "errors", "values"]


@dataclass(frozen=True)
class Errors:
    """How far found values are from expected ones, over the batch, channels, elements and pixels.

    Attributes:
        mse: the mean of the squared differences.
        l1: the mean of the absolute differences.
        relative: the root of `mse`, relative to the spread of the expected values: their RMS
            deviation from the mean over the batch. An error of 1 says that moving an image changes
            the output as much as taking another image does. Infinite without a spread.
    """

    mse: float
    l1: float
    relative: float


def values(value: Value) -> Tensor:
    """The values of a feature, or a tensor itself."""
    return value.x if isinstance(value, GroupFeature) else value


def errors(found: Value, expected: Value) -> Errors:
    """How far `found` is from `expected`, two values of the same shape and at least two images."""
    there, wanted = values(found), values(expected)
    difference = there - wanted
    mse, spread = difference.square().mean(), (wanted - wanted.mean(0)).square().mean()
    ratio = (mse / spread).sqrt().item() if spread > 0 else inf if mse > 0 else 0.0
    return Errors(mse.item(), difference.abs().mean().item(), ratio)


@torch.no_grad()
def equivariance_error(
    module: nn.Module | Callable[[Tensor], Value],
    group: Group,
    element: Tensor,
    images: Tensor,
    moved: Tensor | None = None,
) -> float:
    """RMS of f(h·x) - h·f(x), relative to the spread of f over the images (see `Errors`).

    `equivariance_report` says the same of every layer, and why.

    Args:
        module: f, from images to vectors (where the error is one of invariance), maps or features.
        element: h, [element_size].
        images: x, [B, C, H, W] with B ≥ 2.
        moved: h·x if it is known better than by interpolation.

    Raises:
        ValueError: as `act` does, or if f gives all images the same output.
    """
    moved = act_on_images(group.matrix(element), images) if moved is None else moved
    expected, found = act(group, element, module(images)), module(moved)
    still = values(expected)
    if torch.equal(still, still[:1].expand_as(still)):
        raise ValueError(
            "the module's output is the same for every image: no spread to compare with"
        )
    return errors(found, expected).relative
