"""Very many names, such as those of a million files, in two tensors that processes can share."""

import os
from collections.abc import Iterable, Sequence
from typing import Self, overload

import numpy as np
import torch

__all__ = ["Names"]


class Names(Sequence[str]):
    """Names as the bytes that the system knows them by, one behind the other.

    A list of strings takes three times the memory, and each process that gets it makes its own.

    >>> names = Names(["cat/0.jpg", "dog/12.jpg"])
    >>> len(names), names[1]
    (2, 'dog/12.jpg')
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        encoded = [os.fsencode(name) for name in names]
        lengths = torch.tensor([len(each) for each in encoded], dtype=torch.int64)
        letters = torch.from_numpy(np.frombuffer(bytearray().join(encoded), np.uint8))
        self._letters, self._ends = letters, lengths.cumsum(0)  # [bytes], [N]

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """The names of all parts, one part after the other."""
        every, done = cls(), 0
        letters, ends = [every._letters], [every._ends]
        for part in parts:
            letters.append(part._letters)
            ends.append(part._ends + done)
            done += len(part._letters)
        every._letters, every._ends = torch.cat(letters), torch.cat(ends)
        return every

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        """Return one name, or some."""
        if isinstance(index, slice):
            return [self[each] for each in range(len(self))[index]]
        place = range(len(self))[index]
        start = int(self._ends[place - 1]) if place else 0
        return os.fsdecode(self._letters[start : int(self._ends[place])].numpy().tobytes())
