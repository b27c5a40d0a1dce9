"""Rotated MNIST: the 12,000 + 50,000 digits of the ICML-2007 benchmark, or their like.

H. Larochelle et al., "An empirical evaluation of deep architectures on problems with many factors
of variation", ICML 2007. Where its `amat` files are absent, MNIST digits are turned instead.
"""

import logging
from pathlib import Path

import torch
from torch import Tensor

from datasets.framing import resized
from datasets.holdout import hold_out, subset
from datasets.mnist import read_mnist
from datasets.randomness import keyed_generator
from datasets.rotation import Degrees, RandomRotation, rotated_once, turned
from datasets.spec import DataSpec, MissingData, Splits
from datasets.tensors import TensorSplit
from partial_equiv.intervals import Count, Natural, NonNegative

__all__ = ["RotMNIST", "read_amat"]

FOLDER = "mnist_rotation_new"
FILES = tuple(
    f"mnist_all_rotation_normalized_float_{part}.amat" for part in ("train_valid", "test")
)

logger = logging.getLogger(__name__)


def read_amat(path: Path) -> tuple[Tensor, Tensor]:
    """Return images [N, 1, 28, 28] float32 in 0..1 and labels [N] int64 of an amat file.

    A line holds the 784 values of an image, column after column, then its label.
    Raises MissingData if the file is absent or damaged.
    """
    import numpy as np

    remedy = f"put both of {', '.join(FILES)} there, or neither (then MNIST is turned instead)"
    if not path.is_file():
        raise MissingData(f"rotated MNIST is missing {path.name}", path.parent, remedy)
    try:
        rows = torch.from_numpy(np.loadtxt(path, dtype=np.float32, ndmin=2))
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise MissingData(f"{path.name} is damaged ({reason})", path.parent, remedy) from None
    if rows.shape[1] != 785:
        reason = f"{rows.shape[1]} values in a line, not 785"
        raise MissingData(f"{path.name} is damaged ({reason})", path.parent, remedy)
    images = rows[:, :784].view(-1, 1, 28, 28).transpose(2, 3).contiguous()
    return images, rows[:, 784].long()


class RotMNIST:
    """Ten classes of digits turned by any angle: 10,000 for training, 2,000, and 50,000 for tests.

    The amat files are looked for in `root`/mnist_rotation_new and in `root`; their last training
    rows are the validation set, as published. Built from MNIST, the test set has all of MNIST's
    test images and two thirds of its training images.

    Attributes:
        root: holds the files.
        train_angles: mean and standard deviation, in degrees, of the normal angles that training
            and validation images are turned by; None: uniform, as the test images always are. The
            published files cannot be turned back, so that with angles all is built from MNIST.
        size: what all images are resized to.
        circle_crop: keep only the images' inscribed discs.
        val_size: images held out of training.
        train_size, test_size: keep class-balanced parts of the training and of the test images.
        split_seed: fixes angles and splits.
        augment_rotation: training images are turned further, afresh in every epoch.
        download: MNIST, if it is not there.
    """

    def __init__(
        self,
        root: str = "data",
        train_angles: tuple[float, NonNegative] | None = None,
        size: Count = 28,
        circle_crop: bool = False,
        val_size: Count = 2000,
        train_size: Count | None = None,
        test_size: Count | None = None,
        split_seed: Natural = 0,
        augment_rotation: Degrees = 0.0,
        download: bool = True,
    ) -> None:
        self.root = root
        self.train_angles = train_angles
        self.size = size
        self.circle_crop = circle_crop
        self.val_size = val_size
        self.train_size = train_size
        self.test_size = test_size
        self.split_seed = split_seed
        self.augment_rotation = augment_rotation
        self.download = download

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation."""
        return DataSpec(
            in_channels=1,
            num_classes=10,
            size=(self.size, self.size),
            mean=(0.13,),
            std=(0.297,),
            class_names=tuple("0123456789"),
            circle_crop=self.circle_crop,
        )

    def splits(self) -> Splits:
        """Read or build the images and return the splits; the log says which.

        Raises MissingData if files are absent or damaged, ValueError for impossible sizes.
        """
        root = Path(self.root).expanduser()
        folders = [
            folder
            for folder in (root / FOLDER, root)
            if any((folder / name).is_file() for name in FILES)
        ]
        if folders and self.train_angles is None:
            logger.info("rotmnist: the ICML-2007 amat files in %s", folders[0])
            (images, labels), test = (self._read(folders[0] / name) for name in FILES)
            kept, val = torch.arange(len(labels)).tensor_split([-self.val_size])
        else:
            reason = f"no amat files in {root}" if self.train_angles is None else "given angles"
            logger.info("rotmnist: %s; built from MNIST, seeded angles", reason)
            (images, labels), test = self._build()
            kept, val = hold_out(labels, self.val_size, self.split_seed, "val")
        train = subset(kept, labels, self.train_size, self.split_seed, "train")
        test_images, test_labels = test
        tested = subset(
            torch.arange(len(test_labels)), test_labels, self.test_size, self.split_seed, "test"
        )
        augment = RandomRotation(self.augment_rotation) if self.augment_rotation else None
        spec = self.spec
        return Splits(
            spec,
            TensorSplit(images[train], labels[train], spec, augment),
            TensorSplit(images[val], labels[val], spec),
            TensorSplit(test_images[tested], test_labels[tested], spec),
        )

    def _read(self, path: Path) -> tuple[Tensor, Tensor]:
        images, labels = read_amat(path)
        return resized(images, self.size), labels

    def _build(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Return turned images and labels for training with validation, and for tests."""
        (images, labels), (more_images, more_labels) = (
            read_mnist(self.root, train=train, download=self.download) for train in (True, False)
        )
        seed, num = self.split_seed, len(labels)
        rest, first = hold_out(labels, num // 5, seed, "train")  # 12,000 of 60,000
        second = rest[hold_out(labels[rest], 2 * num // 3, seed, "test")[1]]  # 40,000
        train_images = resized(images[first], self.size)
        test_images = resized(torch.cat([images[second], more_images]), self.size)
        test_labels = torch.cat([labels[second], more_labels])
        return (
            (self._turned_for_training(train_images), labels[first]),
            (rotated_once(test_images, 180, seed, "test angles"), test_labels),
        )

    def _turned_for_training(self, images: Tensor) -> Tensor:
        key = (self.split_seed, "train angles")
        if self.train_angles is None:
            return rotated_once(images, 180, *key)
        mean, deviation = self.train_angles
        return turned(
            images, mean + deviation * torch.randn(len(images), generator=keyed_generator(*key))
        )
