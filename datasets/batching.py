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

__all__ = ["Augmentation", "BatchedSplit", "Transformation"]

Augmentation = Callable[[Tensor, torch.Generator], Tensor]
"""Maps images [B, C, H, W] in 0..1 to images of the same shape; the generator is a CPU one."""

Transformation = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
"""As an augmentation, where the targets move along: of images and targets to both."""


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
        self, order: Tensor, batch_size: int, device: torch.device | str, workers: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images (uint8, or floats in 0..1) and targets of `order` [N], N > 0, in batches.

        Both lie on the device; `order` lies on the CPU. Worker processes may read files.
        """

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.targets)

    def num_batches(self, batch_size: int, num_ranks: int = 1) -> int:
        """Return the number of batches that every rank gets in a seeded epoch."""
        return math.ceil((len(self) // num_ranks) / batch_size)

    def batches(
        self,
        batch_size: int,
        *,
        seed: int | None = None,
        epoch: int = 0,
        start: int = 0,
        rank: int = 0,
        num_ranks: int = 1,
        device: torch.device | str = "cpu",
        workers: int = 0,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield batches as `datasets.spec.Split` promises.

        Ranks deal out the samples of one common epoch like cards: the batches number k of all ranks
        are together batch k of a single process with `batch_size * num_ranks`. A seeded epoch drops
        the last `len(self) % num_ranks` samples of its order, so that every rank takes equally many
        equally large steps; without a seed nothing is dropped, and shares differ by at most one.
        """
        if seed is None:
            order = torch.arange(len(self))
        else:
            order = torch.randperm(len(self), generator=keyed_generator(seed, epoch, "order"))
            order = order[: len(self) - len(self) % num_ranks]
        share = order[rank::num_ranks][start * batch_size :]
        if not len(share):
            return
        raw = self.raw_batches(share, batch_size, device, workers)
        for index, (images, targets) in enumerate(raw, start):
            images = images.float() / 255 if images.dtype == torch.uint8 else images.float()
            if self.transform is not None and seed is not None:
                generator = keyed_generator(seed, epoch, "transform", index, rank)
                images, targets = self.transform(images, targets, generator)
            if self.augment is not None and seed is not None:
                images = self.augment(images, keyed_generator(seed, epoch, "augment", index, rank))
            if self.spec.circle_crop:
                images = circle_crop(images)
            yield self.spec.normalised(images), targets
