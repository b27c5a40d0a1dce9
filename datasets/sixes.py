"""Sixes against their copies: class 1 is class 0, turned by 180° or mirrored, pixel by pixel.

A net that is equivariant to that motion gives an image and its copy one and the same answer, so it
scores 50 %; only a net that learns to be less equivariant can tell them apart.

D. W. Romero and S. Lohit, "Learning Partial Equivariances from Data", NeurIPS 2022: MNIST6-180
and MNIST6-M.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from datasets.digits import FACTS as DIGITS
from datasets.digits import enlarge, read_digits
from datasets.holdout import hold_out
from datasets.images import Facts, ImageSet, Labelled
from datasets.mnist import FACTS as MNIST
from datasets.mnist import MNISTImages
from datasets.rotation import Degrees, turned_once
from datasets.spec import Splits
from partial_equiv.intervals import Count

__all__ = ["DigitsSixes", "MNISTSixes"]

Motion = Literal["turned", "mirrored"]
MOTIONS: dict[Motion, Callable[[Tensor], Tensor]] = {
    "turned": lambda images: images.rot90(2, (-2, -1)),
    "mirrored": lambda images: images.flip(-1),
}


def _against_copies(images: Tensor, motion: Motion) -> Labelled:
    """Return images [N, C, H, W] as class 0, followed by their copies as class 1."""
    targets = torch.arange(2).repeat_interleave(len(images))
    return torch.cat([images, MOTIONS[motion](images)]), targets


def _sixes(images: Tensor, labels: Tensor) -> Labelled:
    """Return the sixes and a label 0 for each: the classes are made later."""
    sixes = images[labels == 6]
    return sixes, torch.zeros(len(sixes), dtype=torch.long)


@dataclass(frozen=True, kw_only=True)
class DigitsSixes(ImageSet):
    """Upright sixes of scikit-learn's digits against their copies; no download.

    Sizes count source images; a split holds both versions of each. For further settings, see
    `ImageSet`.

    Attributes:
        copies: how class 1 is made.
        test_size: source images held out for the test.
    """

    copies: Motion = "turned"
    size: Count = 16
    val_size: Count = 30
    test_size: Count = 50

    @property
    def facts(self) -> Facts:
        """Classes and normalisation."""
        return replace(DIGITS, class_names=("6", f"6 {self.copies}"))

    def read(self) -> Splits:
        """Make the images; no source image is in two splits."""
        images, labels = _sixes(*read_digits())
        images = enlarge(images, self.size, torch.zeros(len(images)))
        rest, test = hold_out(labels, self.test_size, self.split_seed, "test")
        train, val = (rest[chosen] for chosen in self.divided(labels[rest]))
        parts = (_against_copies(images[part], self.copies) for part in (train, val, test))
        return self.in_memory(*parts)


@dataclass(frozen=True, kw_only=True)
class MNISTSixes(MNISTImages):
    """MNIST's sixes against their copies: 5,918 source images to train and validate, 958 to test.

    Sizes count source images; a split holds both versions of each. For further settings, see
    `ImageSet`.

    Attributes:
        copies: how class 1 is made.
        rotation: every source image is turned by a seeded angle in [-rotation, rotation] degrees
            (bilinear), then copied; `split_seed` fixes it, too.
    """

    copies: Motion = "turned"
    rotation: Degrees = 0.0
    val_size: Count = 500

    @property
    def facts(self) -> Facts:
        """Classes and normalisation."""
        return replace(MNIST["MNIST"], class_names=("6", f"6 {self.copies}"))

    def read(self) -> Splits:
        """Read the images; no source image is in two splits."""
        images, labels = self._read(train=True)
        train, val = self.divided(labels)
        test, _ = self._read(train=False)
        parts = (_against_copies(part, self.copies) for part in (images[train], images[val], test))
        return self.in_memory(*parts)

    def _read(self, *, train: bool) -> Labelled:
        images, labels = _sixes(*self.read_part(train=train))
        if self.rotation:
            part = "train angles" if train else "test angles"
            images = turned_once(images, self.rotation, self.split_seed, part)
        return images, labels
