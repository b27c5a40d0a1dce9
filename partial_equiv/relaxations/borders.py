"""Two ways to keep a number in an interval, so that an optimiser may step out of it."""

from typing import Any

import torch
from torch import Tensor

__all__ = ["project", "reflect"]


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, value: Tensor, floor: float) -> Tensor:  # noqa: ANN401
        context.save_for_backward(value)
        context.floor = floor
        return value.clamp(floor, 1)

    @staticmethod
    def backward(context: Any, grad: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        (value,) = context.saved_tensors
        outward = ((value > 1) & (grad < 0)) | ((value < context.floor) & (grad > 0))
        return grad.masked_fill(outward, 0), None


def project(value: Tensor, floor: float) -> Tensor:
    """Clamp to [floor, 1] with a projected gradient: outside, only a step back in has a gradient.

    A plain clamp would hold a value that has left the interval outside for ever.
    """
    return _Project.apply(value, floor)


def reflect(value: Tensor) -> Tensor:
    """The triangle wave that is the identity on [0, 1], with slope 1 at both ends.

    >>> reflect(torch.tensor([-0.25, 0.5, 1.25])).tolist()
    [0.25, 0.5, 0.75]
    """
    wave = 1 - (value.abs() % 2 - 1).abs()
    return torch.where((value >= 0) & (value <= 1), value, wave)
