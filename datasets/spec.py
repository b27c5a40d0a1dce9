"""What every data set promises: a `DataSpec` known before any data are read, and three `Splits`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch
from torch import Tensor

from datasets.truth import Truth
from partial_equiv.refusal import Refusal

__all__ = ["DataSpec", "Fit", "MissingData", "Split", "Splits", "one_line"]

Fit = Literal["crop", "pad", "stretch"]
"""How a picture becomes a square: its middle, all of it with black bars, or out of proportion."""


def one_line(text: str) -> str:
    """Return a text that any terminal and log file takes, whatever names of files are in it.

    >>> print(one_line("a\\nb\\udcff.jpg"))
    a\\nb\\udcff.jpg
    """
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


class MissingData(Refusal):
    """One line: which data are missing or damaged, where they were looked for, how to get them."""

    def __init__(self, what: str, where: object, remedy: str) -> None:
        super().__init__(one_line(f"{what}; looked in {where}; {remedy}"))


@dataclass(frozen=True)
class DataSpec:
    """What a net must know of a data set.

    `mean` and `std` hold one value per channel, for images scaled to 0..1. Classification gives
    `num_classes`; regression gives None there and the length of its target vector instead. Where
    that is the stiffness of cells, `orthotropic` says that x and y are unlike axes of the material:
    the group of the task is D2 then, and D4 else. With `circle_crop`, all images are black outside
    of their inscribed disc (see `framing`). Files of pictures become images as `fit` says, and of
    their pixels of 16 bits count as many as `bits` says, None for all (see `pictures`).

    `num_views` samples in a row are views of one source image; with `whole_orbits`, each sample is
    all of them at once: [num_views, C, H, W].

    `truth` is the right answer to turns, where it is known: class c in an orientation is number
    c·num_parts + part, see `Truth`.
    """

    in_channels: int
    num_classes: int | None
    size: tuple[int, int]  # H, W
    mean: tuple[float, ...]
    std: tuple[float, ...]
    class_names: tuple[str, ...] = ()
    target_size: int | None = None
    target_names: tuple[str, ...] = ()
    orthotropic: bool = False
    circle_crop: bool = False
    fit: Fit = "crop"
    bits: int | None = None
    num_views: int = 1
    whole_orbits: bool = False
    truth: Truth | None = None

    @property
    def num_outputs(self) -> int:
        """What a net answers: a score for each class, or the target vector."""
        size = self.target_size if self.num_classes is None else self.num_classes
        assert size is not None, "a data set has classes or target vectors"
        return size

    def normalised(self, images: Tensor) -> Tensor:
        """Return images [..., C, H, W] in 0..1 as a net is given them."""
        mean, std = self._statistics(images)
        return (images - mean) / std

    def denormalised(self, images: Tensor) -> Tensor:
        """Return normalised images [..., C, H, W] in 0..1 again, neither clipped nor rounded."""
        mean, std = self._statistics(images)
        return images * std + mean

    def _statistics(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and std [C, 1, 1] where the images are, and as precise."""
        mean, std = (images.new_tensor(each).view(-1, 1, 1) for each in (self.mean, self.std))
        return mean, std


class Split(Protocol):
    """Samples that can be visited in batches, again and again, from any batch on."""

    def __len__(self) -> int: ...

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
        """Yield normalised images [B, C, H, W] and targets ([B] int64 or [B, T] float32).

        Without a seed: all samples in order, or those with the numbers `samples` [N], not
        augmented. With one: order and augmentation are a pure function of (seed, epoch, batch
        index), so that `start=k` goes on exactly at batch k. So many worker processes read ahead
        what memory does not hold; the batches are the same.

        `batch_size` counts the samples of all ranks: batch k of all of them together is batch k of
        one process, no sample is left out, and their shares of it differ by at most one. Of a batch
        that has fewer samples than there are ranks, each rank gets all with a seed, so that all of
        them make every step; without one, each sample goes to one rank, and some get none.
        """
        ...

    def num_batches(self, batch_size: int) -> int:
        """Number of batches of an epoch."""
        ...


@dataclass(frozen=True)
class Splits:
    """The three parts of a data set; validation is held out from training, never from test.

    `test_at(degrees, mirrored)` gives the upright source pictures of the test, mirrored or not,
    then turned, in the same order for every pose; the targets are their classes in the source. Only
    data with a `spec.truth` have it.
    """

    spec: DataSpec
    train: Split
    val: Split
    test: Split
    test_at: Callable[[float, bool], Split] | None = field(default=None, kw_only=True)


class DataSet(Protocol):
    """What a config names: a cheap object that reads its samples when it is asked for them."""

    @property
    def spec(self) -> DataSpec:
        """What is known before any data are read."""
        ...

    def splits(self) -> Splits:
        """Read the data.

        Raises:
            MissingData: saying how to get them.
        """
        ...
