"""Pictures of which some may be damaged: these are noted, and the others are read."""

from functools import cached_property

import torch
from torch import Tensor

from datasets.files import UnreadableFiles
from datasets.pictures import Pictures

__all__ = ["ReadablePictures"]

NUM_WORKERS = 4  # threads that look at files


class ReadablePictures(Pictures):
    """Pictures, of which one that cannot be read is black, and noted in `reasons`."""

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
            self.check(indices, NUM_WORKERS)
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
