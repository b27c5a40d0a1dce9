"""Cells with their labels, divided into three splits; only training cells are transformed."""

from dataclasses import dataclass

import torch
from torch import Tensor

from datasets.holdout import hold_out, subset
from datasets.spec import DataSpec, Splits
from datasets.tensors import TensorSplit
from datasets.unit_cells.recipe import COMPONENTS
from datasets.unit_cells.transformations import RandomSymmetry

__all__ = ["Division", "cell_spec"]


@dataclass(frozen=True)
class Division:
    """How to divide cells: sizes are counts, or shares below 1 of all cells.

    `train_size` keeps a part of the training cells, and leaves the other splits as they are.
    """

    val_size: float
    test_size: float
    train_size: int | None
    seed: int
    symmetry: RandomSymmetry

    def splits(self, images: Tensor, labels: Tensor, spec: DataSpec) -> Splits:
        """Divide images [N, 1, H, W] and labels [N, 6]; raises ValueError for impossible sizes."""
        alike = torch.zeros(len(images), dtype=torch.long)
        rest, test = hold_out(alike, self._count(self.test_size, alike), self.seed, "test")
        kept, held = hold_out(alike[rest], self._count(self.val_size, alike), self.seed, "val")
        train = subset(rest[kept], alike, self.train_size, self.seed, "train")
        val = rest[held]
        symmetry = self.symmetry or None
        return Splits(
            spec,
            TensorSplit(images[train], labels[train], spec, transform=symmetry),
            TensorSplit(images[val], labels[val], spec),
            TensorSplit(images[test], labels[test], spec),
        )

    @staticmethod
    def _count(size: float, alike: Tensor) -> int:
        return size if isinstance(size, int) else round(size * len(alike))


def cell_spec(size: int) -> DataSpec:
    """Return what a net must know of cells [size, size]: soft is −1, stiff is 1."""
    return DataSpec(
        in_channels=1,
        num_classes=None,
        size=(size, size),
        mean=(0.5,),
        std=(0.5,),
        target_size=len(COMPONENTS),
    )
