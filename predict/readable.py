"""Pictures of which some may be damaged: these are noted, and the others are read."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from datasets.files import UnreadableFiles
from datasets.pictures import Bits, Pictures
from datasets.spec import DataSpec
from partial_equiv.refusal import Refusal

__all__ = ["ReadablePictures"]


class ReadablePictures(Pictures):
    """Pictures, of which one that cannot be read is black, and noted in `reasons`."""

    bits_setting = "--bits"

    @classmethod
    def like(cls, spec: DataSpec, names: Sequence[str], bits: Bits | None = None) -> Self:
        """The picture files of these paths, as images of a data set.

        Args:
            spec: of the data set, whose images are squares in grey or in colour.
            names: paths of the files.
            bits: that count in pictures of 16 bits; None: as many as in the data set.

        Raises:
            Refusal: if the data set has no such images.
        """
        height, width = spec.size
        if height != width or spec.in_channels not in (1, 3):
            shape = f"{spec.in_channels} x {height} x {width}"
            raise Refusal(f"a picture is no sample of the data set: these are {shape} numbers")
        bits = spec.bits if bits is None else bits
        return cls(Path(), names, height, spec.fit, spec.in_channels == 1, bits)

    @cached_property
    def reasons(self) -> dict[str, str]:
        """Why pictures cannot be read, by their names."""
        return {}

    def beginnings(self, indices: Tensor) -> Tensor:
        """Those of the indices [N] whose files begin like a picture; the others are noted.

        Raises:
            MissingData: if all pictures of 16 bits are almost black, see `Pictures.check`.
        """
        try:
            self.check(indices)
        except UnreadableFiles as error:
            self.reasons.update(error.reasons)
            kept = [index for index in indices.tolist() if self.names[index] not in error.reasons]
            return self.beginnings(torch.tensor(kept, dtype=torch.int64))
        return indices

    def read(self, index: int) -> Tensor:
        """Return one picture, uint8 [C, size, size]."""
        try:
            return super().read(index)
        except UnreadableFiles as error:
            self.reasons.update(error.reasons)
            return torch.zeros(1 if self.grey else 3, self.size, self.size, dtype=torch.uint8)
