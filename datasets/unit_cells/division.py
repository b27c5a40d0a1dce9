"""Cells with their labels, divided into three splits; only training cells are transformed."""

from dataclasses import dataclass

import torch
from torch import Tensor

from datasets.holdout import hold_out, subset
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

    `train_size` keeps a part of the training cells, and leaves the other splits as they are. With
    `test_fold` the cells are dealt out to folds, as many as the test split goes into them, of which
    this one is the test split: for cross-validation.
    """

    val_size: float
    test_size: float
    test_fold: int | None
    train_size: int | None
    seed: int
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
            train = subset(train, torch.zeros(len(images)), self.train_size, self.seed, "train")
        symmetry = self.symmetry or None
        return Splits(
            spec,
            TensorSplit(images[train], labels[train], spec, transform=symmetry),
            TensorSplit(images[val], labels[val], spec),
            TensorSplit(images[test], labels[test], spec),
        )

    def _tested(self, num: int) -> tuple[Tensor, Tensor]:
        """Return the indices of all other cells, and of the test split."""
        rest, test = self._held(num, num, "test")
        if self.test_fold is None:
            return rest, test
        folds = round(num / len(test))
        if not self.test_fold < folds:
            raise Refusal(
                f"with test_size={self.test_size:g}, folds are 0 to {folds - 1}",
                **{"dataset.test_fold": self.test_fold},
            )
        dealt = torch.randperm(num, generator=keyed_generator(self.seed, "folds"))
        tested = torch.zeros(num, dtype=torch.bool)
        tested[dealt[self.test_fold :: folds]] = True
        return (~tested).nonzero().flatten(), tested.nonzero().flatten()

    def _held(self, num: int, total: int, split: str) -> tuple[Tensor, Tensor]:
        size = self.test_size if split == "test" else self.val_size
        count = size if isinstance(size, int) else round(size * total)
        try:
            return hold_out(torch.zeros(num), count, self.seed, split)
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
