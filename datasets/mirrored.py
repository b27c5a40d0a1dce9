"""Splits whose images are mirrored left to right, each with a probability."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from datasets.batching import share
from datasets.randomness import keyed_generator
from datasets.spec import Split, Splits

__all__ = ["MirroredSplit", "mirrored"]


class MirroredSplit:
    """Another split's samples; images are mirrored with a probability, targets stay.

    A seeded epoch draws afresh for every image, whichever rank it goes to. Without a seed each
    image is mirrored always or never, by a draw of its own.

    Args:
        split: whose samples they are.
        probability: to mirror an image.
    """

    def __init__(self, split: Split, probability: float) -> None:
        self.split, self.probability = split, probability

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.split)

    def num_batches(self, batch_size: int) -> int:
        """Return the number of batches of an epoch."""
        return self.split.num_batches(batch_size)

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
        """Yield batches as `datasets.spec.Split` promises."""
        batches = self.split.batches(
            batch_size,
            seed=seed,
            samples=samples,
            epoch=epoch,
            start=start,
            rank=rank,
            num_ranks=num_ranks,
            device=device,
            workers=workers,
        )
        drawn = torch.rand(len(self), generator=keyed_generator("mirrored"))
        always = (drawn if samples is None else drawn[samples]).split(batch_size)
        for index, (images, targets) in enumerate(batches, start):
            draws = always[index]
            if seed is not None:
                generator = keyed_generator(seed, epoch, "mirror", index, 0)
                draws = torch.rand(len(draws), generator=generator)
            draws = share(draws, rank, num_ranks, whole_if_tiny=seed is not None)
            chosen = (draws < self.probability).to(images.device).view(-1, 1, 1, 1)
            yield torch.where(chosen, images.flip(-1), images), targets


def mirrored(splits: Splits, probability: float) -> Splits:
    """The same data, mirrored with a probability where a net is trained and selected.

    The test images stay as they are.
    """
    train, val = (MirroredSplit(part, probability) for part in (splits.train, splits.val))
    return replace(splits, train=train, val=val)
