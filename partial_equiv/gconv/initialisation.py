"""How strong a layer starts: it keeps the power of what it reads, deep in a stack of its like.

He et al.'s (2015) rule for independent weights holds whatever the input. The values of a continuous
kernel depend on each other, from tap to tap and from element to element, and so do those of what
such layers write: smooth kernels on smooth maps add up. How much is measured on noise that has gone
through some layers of the same kind.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, Protocol

import torch
from torch import Tensor

from partial_equiv.ck import Kernel, Reading
from partial_equiv.gconv.evaluation import InTurn
from partial_equiv.gconv.feature import GroupFeature
from partial_equiv.gconv.windows import Windows
from partial_equiv.sampling import Sampling

__all__ = ["any_scale", "power_in_a_stack"]

DEPTH, MEASURED = 6, 5  # layers; the last of them, whose input has gone through some
BUDGET = (
    16_000  # channels x elements x pixels along the window and the map: some hundredths of a second
)


class Layer(Protocol):
    """What is asked of a layer: its parts, and the factors of its convolution's weight."""

    kernel: Kernel
    sampling: Sampling
    padding_mode: Literal["zeros", "circular"]

    def windows(self, size: int) -> Windows:
        """Where the kernel reads maps of this size."""

    def reading(self, feature: GroupFeature, elements: Tensor) -> Reading:
        """Where it reads its kernel to compute these elements of this feature."""

    def factors(self, reading: Reading) -> tuple[Tensor, ...]:
        """The weights to convolve with, one after the other."""


_any_scale: ContextVar[bool] = ContextVar("any_scale", default=False)


@contextmanager
def any_scale() -> Iterator[None]:
    """Make layers whose parameters are only to be counted: `power_in_a_stack`, which takes most of
    the time to make one, is not measured."""
    token = _any_scale.set(True)
    try:
        yield
    finally:
        _any_scale.reset(token)


@torch.no_grad()
def power_in_a_stack(layer: Layer, elements: Tensor, coordinates: Tensor) -> float:
    """The power of what a layer writes deep in a stack of its like with ReLUs, by He's rule for
    its kernel; 1 where that rule holds.

    Args:
        layer: whose kernel has no weights yet.
        elements: all that it reads and writes, [1, G, d].
        coordinates: of these, [1, G, G, T, D].
    """
    if _any_scale.get():
        return 1.0
    kernel_size = layer.windows(0).kernel_size
    size = kernel_size + 9
    channels = max(2, min(64, BUDGET // (elements.shape[1] * kernel_size * size)))
    kernel = layer.kernel.narrowed(channels, channels)
    twin = copy.deepcopy(layer, {id(layer.kernel): kernel})
    group, variance = layer.sampling.group, 2 / (channels * coordinates.shape[-2])
    x = torch.randn(1, channels, elements.shape[1], size, size)
    powers = []
    for _ in range(DEPTH):
        x = (x / x.square().mean().sqrt()).relu()
        kernel.initialise(group, coordinates, variance)
        factors = twin.factors(twin.reading(GroupFeature(x, elements), elements))
        window = Windows(kernel_size, padding=kernel_size // 2)
        x = InTurn(factors, kernel).respond(x, None, window, layer.padding_mode)
        powers.append(x.square().mean())
    return torch.stack(powers[-MEASURED:]).log().mean().exp().item()
