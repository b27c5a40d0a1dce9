"""Kernels that are kept: generated once, and used until a block ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from partial_equiv.gconv.evaluation import Order
from partial_equiv.sampling import Sample

__all__ = ["FrozenKernels", "Generated", "frozen", "frozen_kernels"]


@dataclass(frozen=True)
class Generated:
    """A layer's kernel and what it was made for.

    Attributes:
        inputs: the incoming feature's elements and weights, and the elements that were asked for.
        sample: the outgoing elements.
        order: how to sum, with the kernel.
        half: the `half_precision` that is convolved in.
    """

    inputs: tuple[Tensor | None, ...]
    sample: Sample
    order: Order
    half: torch.dtype | None

    def fits(self, inputs: tuple[Tensor | None, ...], half: torch.dtype | None) -> bool:
        """Whether a feature with these inputs gets the same kernel."""
        return half == self.half and all(
            a is b or (a is not None and b is not None and torch.equal(a, b))
            for a, b in zip(self.inputs, inputs, strict=True)
        )


class FrozenKernels(dict[nn.Module, Generated]):
    """The kernels generated so far inside one `frozen_kernels` block, by layer."""


_active: ContextVar[FrozenKernels | None] = ContextVar("frozen_kernels", default=None)


def frozen() -> FrozenKernels | None:
    """The cache of the innermost open `frozen_kernels` block, or None outside of any."""
    return _active.get()


@contextmanager
def frozen_kernels(model: nn.Module) -> Iterator[FrozenKernels]:
    """Generate each kernel of `model` once and reuse it until the block ends.

    The parameters must not change inside the block. Gradients are not recorded for cached kernels.

    Raises:
        RuntimeError: if the model is in training mode, where kernels change with every draw.
    """
    if model.training:
        raise RuntimeError("frozen_kernels: the model is in training mode, call model.eval() first")
    kernels = FrozenKernels()
    token = _active.set(kernels)
    try:
        yield kernels
    finally:
        _active.reset(token)
