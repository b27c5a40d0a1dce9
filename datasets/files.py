"""A split whose images stay in their files: threads read ahead while the net computes.

Threads, and not processes: decoders release the interpreter's lock, a thread starts at once, also
for a single batch, and neither forks a process that holds a device nor draws random numbers.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import torch
from torch import Tensor

from datasets.batching import Augmentation, BatchedSplit
from datasets.spec import DataSpec, MissingData, Split
from datasets.tensors import TensorSplit
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
    """Images of one shape in files; methods are called from several threads, objects pickled."""

    def read(self, index: int) -> Tensor:
        """Return one image, uint8 [C, H, W].

        Raises:
            UnreadableFiles: if it cannot be read.
        """
        ...

    def load(self, indices: Tensor, num_workers: int) -> Tensor:
        """Return the images of indices [N], uint8 [N, C, H, W].

        Raises:
            UnreadableFiles: if one cannot be read.
        """
        ...

    def check(self, indices: Tensor, num_workers: int) -> None:
        """Look at the files quickly, without reading them.

        Raises:
            UnreadableFiles: if some are not there, or cannot be what they should be.
        """
        ...


class FileSplit(BatchedSplit):
    """The images number `indices` [N] of a source, with targets [N].

    `num_workers` threads read ahead; 0 reads when a batch is asked for.

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
        num_workers: int = 4,
    ) -> None:
        if len(indices) != len(targets):
            raise Refusal(f"{len(targets)} targets for {len(indices)} images")
        super().__init__(targets, spec, augment)
        self.source = source
        self.indices = indices
        self.num_workers = num_workers

    def raw_batches(
        self, order: Tensor, sizes: list[int], device: torch.device | str
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images and targets of `order` [N] on the device, in batches of these sizes."""
        parts = order.split(sizes)
        files = (self.indices[part].tolist() for part in parts)
        for part, images in zip(parts, self._read_ahead(files), strict=True):
            yield images.to(device), self.targets[part].to(device)

    def _read_ahead(self, batches: Iterable[list[int]]) -> Iterator[Tensor]:
        """Yield each batch when it and the next `2 * num_workers` images are on their way."""
        if self.num_workers == 0:
            for batch in batches:
                yield torch.stack([self.source.read(index) for index in batch])
            return
        pool = ThreadPoolExecutor(self.num_workers, thread_name_prefix="read ahead")
        coming: deque[list[Future[Tensor]]] = deque()
        try:
            for batch in batches:
                coming.append([pool.submit(self.source.read, index) for index in batch])
                while sum(map(len, coming)) - len(coming[0]) >= 2 * self.num_workers:
                    yield _stacked(coming.popleft())
            while coming:
                yield _stacked(coming.popleft())
        finally:  # also when the consumer has had enough
            pool.shutdown(cancel_futures=True)


def _stacked(images: list[Future[Tensor]]) -> Tensor:
    return torch.stack([image.result() for image in images])


def make_split(
    source: Source,
    indices: Tensor,
    targets: Tensor,
    spec: DataSpec,
    augment: Augmentation | None = None,
    *,
    memory: float,
    num_workers: int,
) -> Split:
    """Return the images number `indices` [N] as a split, in memory if `memory` GiB can hold them.

    Raises:
        UnreadableFiles: for a split that stays in its files, as far as a quick look can tell.
    """
    height, width = spec.size
    if len(indices) * spec.in_channels * height * width <= memory * GIB:
        return TensorSplit(source.load(indices, num_workers), targets, spec, augment)
    source.check(indices, num_workers)
    return FileSplit(source, indices, targets, spec, augment, num_workers)
