"""Batches of a split: order, shares of the ranks, augmentation, circle crop and normalisation.

How raw images get to the device is left to the kinds of splits: see `tensors` and `files`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from datasets.framing import circle_crop
from datasets.randomness import keyed_generator
from datasets.spec import DataSpec

__all__ = ["Augmentation", "BatchedSplit", "Transformation", "share"]

Augmentation = Callable[[Tensor, torch.Generator], Tensor]
"""Maps images [B, C, H, W] in 0..1 to images of the same shape; the generator is a CPU one."""

Transformation = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
"""As an augmentation, where the targets move along: of images and targets to both."""


def share(batch: Tensor, rank: int, num_ranks: int, *, whole_if_tiny: bool = True) -> Tensor:
    """One rank's share of a batch [B, …]: shares differ by at most one sample.

    With `whole_if_tiny`, each rank gets all of a batch that has fewer samples than there are ranks,
    so that no share is empty.

    >>> [share(torch.arange(5), rank, 2).tolist() for rank in range(2)]
    [[0, 2, 4], [1, 3]]
    >>> [share(torch.arange(1), rank, 2).tolist() for rank in range(2)]
    [[0], [0]]
    """
    return batch if whole_if_tiny and len(batch) < num_ranks else batch[rank::num_ranks]


class BatchedSplit(ABC):
    """A split as `datasets.spec.Split` promises.

    `augment` and `transform` touch seeded batches alone; `transform` comes first.
    """

    def __init__(
        self,
        targets: Tensor,
        spec: DataSpec,
        augment: Augmentation | None = None,
        transform: Transformation | None = None,
    ) -> None:
        self.targets = targets
        self.spec = spec
        self.augment = augment
        self.transform = transform

    @abstractmethod
    def raw_batches(
        self, order: Tensor, sizes: list[int], device: torch.device | str, workers: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images (uint8, or floats in 0..1) and targets of `order` [N], N > 0, in batches of
        these sizes, which add up to N.

        Both lie on the device; `order` lies on the CPU. Worker processes may read files.
        """

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.targets)

    def num_batches(self, batch_size: int) -> int:
        """Return the number of batches of an epoch."""
        return math.ceil(len(self) / batch_size)

    def batches(
        self,
        batch_size: int,
        *,
        seed: int | None = None,
        samples: Tensor | None = None,
        epoch: int = 0,
        start: int = 0,
        rank: int = 0,
        num_ranks: int = 1,
        device: torch.device | str = "cpu",
        workers: int = 0,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield batches as `datasets.spec.Split` promises.

        The order and the batches are those of a single process; ranks deal out the samples of each
        batch like cards, see `share`. Augmentations draw for each share by itself, and the same for
        all ranks where each of them has the whole batch.
        """
        if seed is None:
            order = torch.arange(len(self)) if samples is None else samples
        else:
            order = torch.randperm(len(self), generator=keyed_generator(seed, epoch, "order"))
        batches = order[start * batch_size :].split(batch_size)
        own = [share(each, rank, num_ranks, whole_if_tiny=seed is not None) for each in batches]
        if not (sizes := [len(each) for each in own if len(each)]):
            return
        raw = self.raw_batches(torch.cat(own), sizes, device, workers)
        for index, (images, targets) in enumerate(raw, start):
            images = images.float() / 255 if images.dtype == torch.uint8 else images.float()
            drawing = rank if len(batches[index - start]) >= num_ranks else 0
            if self.transform is not None and seed is not None:
                generator = keyed_generator(seed, epoch, "transform", index, drawing)
                images, targets = self.transform(images, targets, generator)
            if self.augment is not None and seed is not None:
                generator = keyed_generator(seed, epoch, "augment", index, drawing)
                images = self.augment(images, generator)
            if self.spec.circle_crop:
                images = circle_crop(images)
            yield self.spec.normalised(images), targets
