"""A source of images that keeps them in memory and counts what is asked of it."""

import time

import torch
from torch import Tensor

from datasets.files import UnreadableFiles

__all__ = ["MemorySource"]


class MemorySource:
    """Images [N, C, H, W]; those in `broken` cannot be read; even ones come late by `delay` s."""

    def __init__(self, images: Tensor, broken: tuple[int, ...] = (), delay: float = 0.0) -> None:
        self.images, self.broken, self.delay = images, broken, delay
        self.reads: list[int] = []
        self.checked = False

    def read(self, index: int) -> Tensor:
        """Return one image."""
        self.reads.append(index)
        if self.delay and index % 2 == 0:
            time.sleep(self.delay)
        if index in self.broken:
            raise UnreadableFiles({f"{index}.jpg": "torn"}, "here")
        return self.images[index]

    def load(self, indices: Tensor) -> Tensor:
        """Return several images."""
        return torch.stack([self.read(index) for index in indices.tolist()])

    def check(self, indices: Tensor) -> None:
        """Note the call."""
        self.checked = True
