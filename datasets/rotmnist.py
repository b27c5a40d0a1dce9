"""Rotated MNIST: the 12,000 + 50,000 digits of the ICML-2007 benchmark, or their like.

H. Larochelle et al., "An empirical evaluation of deep architectures on problems with many factors
of variation", ICML 2007. Where its `amat` files are absent, MNIST digits are turned instead.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from datasets.amat import FILES, check_amat, read_amat
from datasets.framing import resized
from datasets.holdout import hold_out, selection
from datasets.images import Facts, Labelled
from datasets.mnist import MNISTImages
from datasets.randomness import keyed_generator
from datasets.rotation import turned, turned_once
from datasets.spec import Splits
from partial_equiv.intervals import Count, NonNegative

__all__ = ["FOLDER", "RotMNIST"]

FOLDER = "mnist_rotation_new"
FACTS = Facts((0.13,), (0.297,), tuple("0123456789"))

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RotMNIST(MNISTImages):
    """Ten classes of digits turned by any angle: 10,000 for training, 2,000, and 50,000 for tests.

    The amat files are looked for in `root`/mnist_rotation_new and in `root`; their last training
    rows are the validation set, as published. Built from MNIST, the test set has all of MNIST's
    test images and two thirds of its training images. For further settings, see `ImageSet`.

    Attributes:
        train_angles: mean and standard deviation, in degrees, of the normal angles that training
            and validation images are turned by; None: uniform, as the test images always are. The
            published files cannot be turned back, so that with angles all is built from MNIST.
        test_size: keeps a class-balanced part of the test images; None: all.
    """

    train_angles: tuple[float, NonNegative] | None = None
    val_size: Count = 2000
    test_size: Count | None = None

    @property
    def facts(self) -> Facts:
        """Classes and normalisation."""
        return FACTS

    @property
    def place(self) -> str:
        """The folder of the amat files, or that of MNIST."""
        return str(self._amat_folder or self.files.place)

    def check_available(self) -> None:
        """Look whether the files are there, unless they may be downloaded.

        Raises:
            MissingData: naming what is missing, and how to get it.
        """
        folder = self._amat_folder
        if folder is None:
            super().check_available()
        else:
            check_amat(folder)

    def read(self) -> Splits:
        """Read or build the images; the log says which."""
        folder = self._amat_folder
        if folder is not None:
            logger.info("rotmnist: the ICML-2007 amat files in %s", folder)
            (images, labels), test = (read_amat(folder / name) for name in FILES)
            kept, val = torch.arange(len(labels)).tensor_split([-self.val_size])
            train = self.selected(kept, labels)
        else:
            searched = f"neither {FOLDER} nor its files in {Path(self.root).expanduser()}"
            reason = searched if self.train_angles is None else "given angles"
            logger.info("rotmnist: %s; built from MNIST, seeded angles", reason)
            (images, labels), test = self._build()
            train, val = self.divided(labels)
        test_images, test_labels = test
        every = torch.arange(len(test_labels))
        tested = selection(every, test_labels, self.test_size, self.split_seed, "test")
        return self.in_memory(
            (images[train], labels[train]),
            (images[val], labels[val]),
            (test_images[tested], test_labels[tested]),
        )

    @property
    def _amat_folder(self) -> Path | None:
        """The folder with the amat files, or with one of them; None if MNIST is to be turned."""
        if self.train_angles is not None:
            return None
        root = Path(self.root).expanduser()
        folders = (root / FOLDER, root)
        return next((each for each in folders if any((each / f).is_file() for f in FILES)), None)

    def _build(self) -> tuple[Labelled, Labelled]:
        """Return turned images and labels for training with validation, and for tests."""
        (images, labels), (more_images, more_labels) = (
            self.read_part(train=train) for train in (True, False)
        )
        seed, num = self.split_seed, len(labels)
        rest, first = hold_out(labels, num // 5, seed, "train")  # 12,000 of 60,000
        second = rest[hold_out(labels[rest], 2 * num // 3, seed, "test")[1]]  # 40,000
        train_images = resized(images[first], self.size)
        test_images = resized(torch.cat([images[second], more_images]), self.size)
        test_labels = torch.cat([labels[second], more_labels])
        return (
            (self._turned_for_training(train_images), labels[first]),
            (turned_once(test_images, 180, seed, "test angles"), test_labels),
        )

    def _turned_for_training(self, images: Tensor) -> Tensor:
        key = (self.split_seed, "train angles")
        if self.train_angles is None:
            return turned_once(images, 180, *key)
        mean, deviation = self.train_angles
        return turned(
            images, mean + deviation * torch.randn(len(images), generator=keyed_generator(*key))
        )
