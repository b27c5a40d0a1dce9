"""Cells with their labels, divided into three splits; only training cells are transformed."""

from dataclasses import dataclass

import torch
from torch import Tensor

from datasets.dataset import DataSet
from datasets.holdout import counted, hold_out, selection
from datasets.randomness import keyed_generator
from datasets.spec import DataSpec, Splits
from datasets.tensors import TensorSplit
from datasets.unit_cells.recipe import COMPONENTS
from datasets.unit_cells.transformations import RandomSymmetry
from partial_equiv.intervals import Count, Fraction, Natural, Positive, Several
from partial_equiv.refusal import Refusal

__all__ = ["CellSet"]


@dataclass(frozen=True, kw_only=True)
class CellSet(DataSet):
    """Cells [size, size] with their stiffness, whoever has computed it.

    For cross-validation, with `folds` = k, the cells are dealt out to k folds: `split_seed` r makes
    fold r mod k of deal r // k the test split, so that k seeds in a row test every cell once.

    Attributes:
        size: side in pixels.
        anisotropy: r = E1 / E2 of both phases, stiffnesses along x and y. At 1, Q moves with the
            cell under all symmetries of the square, D4; at any other r under those of a rectangle
            alone, D2: half turns, and mirrors in the axes.
        val_size, test_size: cells to hold out of training: a count, or a share of all below 1.
        folds: k, in place of test_size; None: a random test split.
        train_size: keeps so many of the training cells, and leaves the other splits as they are;
            None: all.
        split_seed: fixes what is held out, whatever the training's seed.
        augment_flip, augment_rotation, augment_transpose, augment_shift: move training cells and
            labels alike, afresh in every epoch; see `transformations.RandomSymmetry`.

    Raises:
        Refusal: for augmentations that are no symmetries of anisotropic phases.
    """

    size: Count = 64
    anisotropy: Positive = 1.0
    val_size: Count | Fraction = 0.1
    test_size: Count | Fraction = 0.2
    folds: Several | None = None
    train_size: Count | None = None
    split_seed: Natural = 0
    augment_flip: bool = False
    augment_rotation: bool = False
    augment_transpose: bool = False
    augment_shift: bool = False

    def __post_init__(self) -> None:
        for name in ("augment_rotation", "augment_transpose"):
            if self.anisotropy != 1 and getattr(self, name):
                raise Refusal(
                    f"with anisotropy={self.anisotropy:g}, a cell whose x and y change places has "
                    "another stiffness; use augment_flip, which makes half turns, too",
                    **{name: True},
                )

    @property
    def spec(self) -> DataSpec:
        """Shapes and normalisation: soft is −1, stiff is 1."""
        return DataSpec(
            in_channels=1,
            num_classes=None,
            size=(self.size, self.size),
            mean=(0.5,),
            std=(0.5,),
            target_size=len(COMPONENTS),
            target_names=COMPONENTS,
            orthotropic=self.anisotropy != 1,
        )

    def divided(self, images: Tensor, labels: Tensor) -> Splits:
        """Return the splits of images [N, 1, H, W] and labels [N, 6].

        Raises:
            Refusal: for impossible sizes.
        """
        rest, test = self._tested(len(images))
        kept, held = self._held(len(rest), len(images), "val")
        train, val = rest[kept], rest[held]
        if self.train_size is not None:
            if self.train_size > len(train):
                raise Refusal(
                    f"only {len(train)} are not held out", **{"dataset.train_size": self.train_size}
                )
            train = selection(train, torch.zeros(len(images)), self.train_size, self.seed, "train")
        symmetry = RandomSymmetry(
            self.augment_flip, self.augment_rotation, self.augment_transpose, self.augment_shift
        )
        spec = self.spec
        return Splits(
            spec,
            TensorSplit(images[train], labels[train], spec, transform=symmetry or None),
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
