"""Sixes against their copies: class 1 is class 0, turned by 180° or mirrored, pixel by pixel.

A net that is equivariant to that motion gives an image and its copy one and the same answer, so it
scores 50 %; only a net that learns to be less equivariant can tell them apart.

D. W. Romero and S. Lohit, "Learning Partial Equivariances from Data", NeurIPS 2022: MNIST6-180
and MNIST6-M.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from datasets.digits import MEAN, STD, enlarge, read_digits
from datasets.holdout import hold_out, subset
from datasets.mirrored import mirrored
from datasets.mnist import read_mnist
from datasets.rotation import Degrees, rotated_once
from datasets.spec import DataSpec, Splits
from datasets.tensors import TensorSplit
from partial_equiv.intervals import Count, Fraction, Natural

__all__ = ["DigitsSixes", "MNISTSixes"]

Motion = Literal["turned", "mirrored"]
MOTIONS: dict[Motion, Callable[[Tensor], Tensor]] = {
    "turned": lambda images: images.rot90(2, (-2, -1)),
    "mirrored": lambda images: images.flip(-1),
}


def _against_copies(images: Tensor, motion: Motion, spec: DataSpec) -> TensorSplit:
    """Return images [N, C, H, W] as class 0, followed by their copies as class 1."""
    targets = torch.arange(2).repeat_interleave(len(images))
    return TensorSplit(torch.cat([images, MOTIONS[motion](images)]), targets, spec)


def _sixes(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sixes and a label 0 for each: the classes are made later."""
    sixes = images[labels == 6]
    return sixes, torch.zeros(len(sixes), dtype=torch.long)


class DigitsSixes:
    """Upright sixes of scikit-learn's digits against their copies; no download.

    Sizes count source images; a split holds both versions of each. `split_seed` fixes which images
    are held out, whatever the training's seed; `mirror` is the probability to mirror a training or
    validation image.
    """

    def __init__(
        self,
        copies: Motion = "turned",
        size: Count = 16,
        val_size: Count = 30,
        test_size: Count = 50,
        train_size: Count | None = None,
        split_seed: Natural = 0,
        mirror: Fraction = 0.0,
    ) -> None:
        self.copies = copies
        self.size = size
        self.val_size = val_size
        self.test_size = test_size
        self.train_size = train_size
        self.split_seed = split_seed
        self.mirror = mirror

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation."""
        return DataSpec(
            in_channels=1,
            num_classes=2,
            size=(self.size, self.size),
            mean=MEAN,
            std=STD,
            class_names=("6", f"6 {self.copies}"),
        )

    def splits(self) -> Splits:
        """Return the three splits; no source image is in two of them.

        Raises ValueError if the sizes leave nothing to train on.
        """
        images, labels = _sixes(*read_digits())
        images = enlarge(images, self.size, torch.zeros(len(images)))
        rest, test = hold_out(labels, self.test_size, self.split_seed, "test")
        kept, held = hold_out(labels[rest], self.val_size, self.split_seed, "val")
        train = subset(rest[kept], labels, self.train_size, self.split_seed, "train")
        spec = self.spec
        parts = (
            _against_copies(images[part], self.copies, spec) for part in (train, rest[held], test)
        )
        return mirrored(Splits(spec, *parts), self.mirror)


class MNISTSixes:
    """MNIST's sixes against their copies: 5,918 source images to train and validate, 958 to test.

    Every source image is first turned by a seeded angle in [-rotation, rotation] (bilinear), then
    copied. Sizes count source images; a split holds both versions of each. `split_seed` fixes the
    angles and which images are held out, whatever the training's seed; `mirror` is the probability
    to mirror a training or validation image.
    """

    def __init__(
        self,
        root: str = "data",
        copies: Motion = "turned",
        rotation: Degrees = 0.0,
        val_size: Count = 500,
        train_size: Count | None = None,
        split_seed: Natural = 0,
        mirror: Fraction = 0.0,
        download: bool = True,
    ) -> None:
        self.root = root
        self.copies = copies
        self.rotation = rotation
        self.val_size = val_size
        self.train_size = train_size
        self.split_seed = split_seed
        self.mirror = mirror
        self.download = download

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation."""
        return DataSpec(
            in_channels=1,
            num_classes=2,
            size=(28, 28),
            mean=(0.1307,),
            std=(0.3081,),
            class_names=("6", f"6 {self.copies}"),
        )

    def splits(self) -> Splits:
        """Read the images and return the splits; no source image is in two of them.

        Raises MissingData if the files are absent or damaged, ValueError for impossible sizes.
        """
        images, labels = self._read(train=True)
        kept, val = hold_out(labels, self.val_size, self.split_seed, "val")
        train = subset(kept, labels, self.train_size, self.split_seed, "train")
        test, _ = self._read(train=False)
        spec = self.spec
        parts = (
            _against_copies(part, self.copies, spec) for part in (images[train], images[val], test)
        )
        return mirrored(Splits(spec, *parts), self.mirror)

    def _read(self, *, train: bool) -> tuple[Tensor, Tensor]:
        images, labels = _sixes(*read_mnist(self.root, train=train, download=self.download))
        if self.rotation:
            part = "train angles" if train else "test angles"
            images = rotated_once(images, self.rotation, self.split_seed, part)
        return images, labels
