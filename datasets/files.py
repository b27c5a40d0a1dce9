"""A split whose images stay in their files: worker processes read ahead while the net computes.

Processes, and not threads: two of them decode about 1.6 times as much as none, two threads 1.4
times, and these take the interpreter's lock from the training (EXPERIMENTS.md, Reading pictures).
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from datasets.batching import Augmentation, BatchedSplit
from datasets.spec import DataSpec, MissingData, Split
from datasets.tensors import TensorSplit
from datasets.workers import mapped
from partial_equiv.refusal import Refusal

__all__ = ["FileSplit", "Source", "UnreadableFiles", "make_split", "named"]

GIB = 2**30
SHOWN = 10  # files in a message
REMEDY = "replace, convert or delete what cannot be read"


def named(reasons: Mapping[str, str]) -> str:
    """Return files with what is to be said of each; of very many the first.

    >>> named({"a.jpg": "empty", "b.jpg": "torn"})
    'a.jpg (empty), b.jpg (torn)'
    """
    shown = [f"{name} ({reason})" for name, reason in list(reasons.items())[:SHOWN]]
    more = f" and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return ", ".join(shown) + more


class UnreadableFiles(MissingData):
    """Names the files that cannot be read, the first of them with reasons."""

    def __init__(self, reasons: Mapping[str, str], root: object) -> None:
        self.reasons, self.root = dict(reasons), root
        super().__init__(f"cannot read {named(reasons)}", root, REMEDY)


class Source(Protocol):
    """Images of one shape in files; objects are pickled, and may be used by several threads."""

    def read(self, index: int) -> Tensor:
        """Return one image, uint8 [C, H, W].

        Raises:
            UnreadableFiles: if it cannot be read.
        """
        ...

    def load(self, indices: Tensor) -> Tensor:
        """Return the images of indices [N], uint8 [N, C, H, W].

        Raises:
            UnreadableFiles: if one cannot be read.
        """
        ...

    def check(self, indices: Tensor) -> None:
        """Look at the files quickly, without reading them.

        Raises:
            UnreadableFiles: if some are not there, or cannot be what they should be.
        """
        ...


class FileSplit(BatchedSplit):
    """The images number `indices` [N] of a source, with targets [N].

    Raises:
        Refusal: if there are not as many targets as indices.
    """

    def __init__(
        self,
        source: Source,
        indices: Tensor,
        targets: Tensor,
        spec: DataSpec,
        augment: Augmentation | None = None,
    ) -> None:
        if len(indices) != len(targets):
            raise Refusal(f"{len(targets)} targets for {len(indices)} images")
        super().__init__(targets, spec, augment)
        self.source = source
        self.indices = indices

    def raw_batches(
        self, order: Tensor, sizes: list[int], device: torch.device | str, workers: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images and targets of `order` [N] on the device, in batches of these sizes.

        A worker reads a whole batch; none but those of `order` are read.
        """
        parts = order.split(sizes)
        files = (self.indices[part].tolist() for part in parts)
        read = mapped(partial(_read, self.source), files, workers)
        for part, images in zip(parts, read, strict=True):
            yield images.to(device), self.targets[part].to(device)


def _read(source: Source, indices: list[int]) -> Tensor:
    """Read a batch, uint8 [B, C, H, W]."""
    return torch.stack([source.read(index) for index in indices])


def make_split(
    source: Source,
    indices: Tensor,
    targets: Tensor,
    spec: DataSpec,
    augment: Augmentation | None = None,
    *,
    memory: float,
) -> Split:
    """Return the images number `indices` [N] as a split, in memory if `memory` GiB can hold them.

    Raises:
        UnreadableFiles: for a split that stays in its files, as far as a quick look can tell.
    """
    height, width = spec.size
    if len(indices) * spec.in_channels * height * width <= memory * GIB:
        return TensorSplit(source.load(indices), targets, spec, augment)
    source.check(indices)
    return FileSplit(source, indices, targets, spec, augment)
