"""Cells with their labels, divided into three splits; only training cells are transformed."""

from dataclasses import dataclass

import torch
from torch import Tensor

from datasets.holdout import counted, hold_out, selection
from datasets.randomness import keyed_generator
from datasets.spec import DataSpec, Splits
from datasets.tensors import TensorSplit
from datasets.unit_cells.recipe import COMPONENTS
from datasets.unit_cells.transformations import RandomSymmetry
from partial_equiv.refusal import Refusal

__all__ = ["Division", "cell_spec"]


@dataclass(frozen=True)
class Division:
    """How to divide cells: sizes are counts, or shares below 1 of all cells.

    `train_size` keeps a part of the training cells, and leaves the other splits as they are. For
    cross-validation, with `folds` = k, the cells are dealt out to k folds: seed r makes the fold
    r mod k of deal r // k the test split, so that k seeds in a row test every cell once.
    """

    val_size: float
    test_size: float
    folds: int | None
    train_size: int | None
    split_seed: int
    symmetry: RandomSymmetry

    def splits(self, images: Tensor, labels: Tensor, spec: DataSpec) -> Splits:
        """Divide images [N, 1, H, W] and labels [N, 6]; raises ValueError for impossible sizes."""
        rest, test = self._tested(len(images))
        kept, held = self._held(len(rest), len(images), "val")
        train, val = rest[kept], rest[held]
        if self.train_size is not None:
            if self.train_size > len(train):
                raise Refusal(
                    f"only {len(train)} are not held out", **{"dataset.train_size": self.train_size}
                )
            train = selection(train, torch.zeros(len(images)), self.train_size, self.seed, "train")
        symmetry = self.symmetry or None
        return Splits(
            spec,
            TensorSplit(images[train], labels[train], spec, transform=symmetry),
            TensorSplit(images[val], labels[val], spec),
            TensorSplit(images[test], labels[test], spec),
        )

    @property
    def seed(self) -> int:
        """That of the draw: all folds of one deal share it."""
        return self.split_seed // (self.folds or 1)

    def _tested(self, num: int) -> tuple[Tensor, Tensor]:
        """Return the indices of all other cells, and of the test split."""
        if self.folds is None:
            return self._held(num, num, "test")
        if self.folds > num:
            raise Refusal(f"there are only {num} cells", **{"dataset.folds": self.folds})
        dealt = torch.randperm(num, generator=keyed_generator(self.seed, "folds"))
        tested = torch.zeros(num, dtype=torch.bool)
        tested[dealt[self.split_seed % self.folds :: self.folds]] = True
        return (~tested).nonzero().flatten(), tested.nonzero().flatten()

    def _held(self, num: int, total: int, split: str) -> tuple[Tensor, Tensor]:
        size = self.test_size if split == "test" else self.val_size
        try:
            return hold_out(torch.zeros(num), counted(size, total), self.seed, split)
        except ValueError as error:
            raise Refusal(f"{error}", **{f"dataset.{split}_size": f"{size:g}"}) from None


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
