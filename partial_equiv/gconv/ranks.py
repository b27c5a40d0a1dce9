"""Sums over the processes that train together, the ranks of torch.distributed."""

import torch
from torch import Tensor, distributed

__all__ = ["num_ranks", "summed_over_ranks"]


def num_ranks() -> int:
    """The processes that train together; 1 where torch.distributed is not set up."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size()
    return 1


@torch.no_grad()
def summed_over_ranks(values: Tensor) -> Tensor:
    """The sum of every rank's values, all of one shape, on each rank. No gradient passes."""
    total = values.detach().clone()
    distributed.all_reduce(total)
    return total
