"""What every data set promises: a `DataSpec` known before any data are read, and three `Splits`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["DataSpec", "MissingData", "Split", "Splits"]


class MissingData(ValueError):
    """One line: which data are missing or damaged, where they were looked for, how to get them."""

    def __init__(self, what: str, where: object, remedy: str) -> None:
        super().__init__(f"{what}; looked in {where}; {remedy}")


@dataclass(frozen=True)
class DataSpec:
    """What a net must know of a data set.

    `mean` and `std` hold one value per channel, for images scaled to 0..1. Classification gives
    `num_classes`; regression gives None there and the length of its target vector instead. With
    `circle_crop`, all images are black outside of their inscribed disc (see `framing`).

    `num_views` samples in a row are views of one source image; with `whole_orbits`, each sample is
    all of them at once: [num_views, C, H, W].
    """

    in_channels: int
    num_classes: int | None
    size: tuple[int, int]  # H, W
    mean: tuple[float, ...]
    std: tuple[float, ...]
    class_names: tuple[str, ...] = ()
    target_size: int | None = None
    circle_crop: bool = False
    num_views: int = 1
    whole_orbits: bool = False

    @property
    def num_outputs(self) -> int:
        """What a net answers: a score for each class, or the target vector."""
        size = self.target_size if self.num_classes is None else self.num_classes
        assert size is not None, "a data set has classes or target vectors"
        return size


class Split(Protocol):
    """Samples that can be visited in batches, again and again, from any batch on."""

    def __len__(self) -> int: ...

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
        """Yield normalised images [B, C, H, W] and targets ([B] int64 or [B, T] float32).

        Without a seed: all samples in order, not augmented. With one: order and augmentation are a
        pure function of (seed, epoch, batch index), so that `start=k` goes on exactly at batch k.
        """
        ...

    def num_batches(self, batch_size: int, num_ranks: int = 1) -> int:
        """Number of batches that every rank gets in a seeded epoch."""
        ...


@dataclass(frozen=True)
class Splits:
    """The three parts of a data set; validation is held out from training, never from test."""

    spec: DataSpec
    train: Split
    val: Split
    test: Split
