"""Splits of orbits: batches of single views, or of whole orbits."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from datasets.batching import BatchedSplit
from datasets.spec import Splits

__all__ = ["OrbitSplit", "whole_orbits"]


class OrbitSplit(BatchedSplit):
    """The same images orbit by orbit: views [B, V, C, H, W] with the source images' classes [B].

    Args:
        views: a split of single views.
        num_views: V.
    """

    def __init__(self, views: BatchedSplit, num_views: int) -> None:
        super().__init__(views.targets[::num_views], views.spec)
        self.views, self.num_views = views, num_views

    def raw_batches(
        self, order: Tensor, sizes: list[int], device: torch.device | str, workers: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield orbits and classes of `order` [N] on the device, in batches of these sizes."""
        each = (order[:, None] * self.num_views + torch.arange(self.num_views)).flatten()
        num_views = [size * self.num_views for size in sizes]
        for views, targets in self.views.raw_batches(each, num_views, device, workers):
            yield views.unflatten(0, (-1, self.num_views)), targets[:: self.num_views]


def whole_orbits(splits: Splits) -> Splits:
    """The splits with whole orbits as samples."""
    spec = replace(splits.spec, whole_orbits=True)

    def grouped(split: object) -> OrbitSplit:
        assert isinstance(split, BatchedSplit), "orbits are indexed"
        return OrbitSplit(split, spec.num_views)

    return Splits(spec, *map(grouped, (splits.train, splits.val, splits.test)))
