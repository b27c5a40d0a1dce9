"""How far a value is from another."""

from dataclasses import dataclass

import torch
from torch import Tensor

from partial_equiv.equivariance.actions import Value
from partial_equiv.gconv import GroupFeature

__all__ = ["Errors", "errors", "values"]


@dataclass(frozen=True)
class Errors:
    """How far found values are from expected ones, over the batch, channels, elements and pixels.

    Attributes:
        mse: the mean of the squared differences.
        l1: the mean of the absolute differences.
        relative: the root of `mse`, relative to the spread of the expected values: their RMS
            deviation from the mean over the batch. An error of 1 says that moving an image changes
            the output as much as taking another image does. Infinite without a spread, NaN where
            a value is not finite.
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
    enough = torch.promote_types(wanted.dtype, torch.float32)  # half precision has a short range
    there, wanted = there.to(enough), wanted.to(enough)
    difference = (there - wanted).abs()
    mse, spread = difference.square().mean(), (wanted - wanted.mean(0)).abs().square().mean()
    ratio = 0.0 if mse == 0 else (mse / spread).sqrt().item()
    return Errors(mse.item(), difference.mean().item(), ratio)
