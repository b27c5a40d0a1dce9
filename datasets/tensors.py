"""A split that lives in memory: two tensors, batched, augmented and normalised on the device."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from datasets.randomness import keyed_generator
from datasets.spec import DataSpec

__all__ = ["Augmentation", "TensorSplit"]

Augmentation = Callable[[Tensor, torch.Generator], Tensor]
"""Maps images [B, C, H, W] in 0..1 to images of the same shape; the generator is a CPU one."""


class TensorSplit:
    """Images [N, C, H, W] (uint8, or floats in 0..1) with targets ([N] int64 or [N, T] float32).

    A batch costs one index_select; uint8 becomes float on the device, never sample by sample.

    Raises ValueError if the shapes disagree with each other or with the spec.
    """

    def __init__(
        self,
        images: Tensor,
        targets: Tensor,
        spec: DataSpec,
        augment: Augmentation | None = None,
    ) -> None:
        expected = (len(targets), spec.in_channels, *spec.size)
        if tuple(images.shape) != expected:
            raise ValueError(f"images have shape {tuple(images.shape)}, expected {expected}")
        self.images = images
        self.targets = targets
        self.spec = spec
        self.augment = augment

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
        share = order[rank::num_ranks].to(device)
        images, targets = self.images.to(device), self.targets.to(device)
        mean, std = (
            torch.tensor(values, device=device).view(-1, 1, 1)
            for values in (self.spec.mean, self.spec.std)
        )
        for index in range(start, math.ceil(len(share) / batch_size)):
            chosen = share[index * batch_size : (index + 1) * batch_size]
            batch = images.index_select(0, chosen)
            batch = batch.float() / 255 if batch.dtype == torch.uint8 else batch.float()
            if self.augment is not None and seed is not None:
                batch = self.augment(batch, keyed_generator(seed, epoch, "augment", index, rank))
            yield (batch - mean) / std, targets.index_select(0, chosen)
