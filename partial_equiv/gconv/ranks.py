"""Sums over the processes that train together, the ranks of torch.distributed."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, distributed

__all__ = ["joint_batch", "num_ranks", "summed_over_ranks"]

_alone: ContextVar[bool] = ContextVar("alone", default=False)


def num_ranks() -> int:
    """The processes whose shares make one batch; 1 where torch.distributed is not set up, or where
    each process has the whole batch, see `joint_batch`."""
    if not _alone.get() and distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size()
    return 1


@contextmanager
def joint_batch(num_samples: int) -> Iterator[None]:
    """Compute a batch of so many samples on all ranks together.

    Each rank has its share of it, or, if there are fewer samples than ranks, all of it: then each
    one computes it by itself in this block, and waits for no other.
    """
    token = _alone.set(num_samples < num_ranks())
    try:
        yield
    finally:
        _alone.reset(token)


@torch.no_grad()
def summed_over_ranks(values: Tensor) -> Tensor:
    """The sum of every rank's values, all of one shape, on each rank. No gradient passes."""
    total = values.detach().clone()
    distributed.all_reduce(total)
    return total
