"""Rotated handwritten digits: the 1,797 digits bundled with scikit-learn, enlarged and turned.

E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI (1998). No download.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy
import torch
from torch import Tensor

from datasets.holdout import hold_out, subset
from datasets.mirrored import mirrored
from datasets.randomness import keyed_generator
from datasets.rotation import Degrees, RandomRotation, random_degrees, rotate
from datasets.spec import DataSpec, Splits
from datasets.tensors import TensorSplit
from partial_equiv.intervals import Count, Fraction, Natural

__all__ = ["MEAN", "STD", "Digits", "enlarge", "read_digits"]

MEAN, STD = (0.24,), (0.334,)
FRAME = 8 / 7  # room around the digit, so that no turn cuts its strokes off


def read_digits() -> tuple[Tensor, Tensor]:
    """Return the bundled images [1797, 1, 8, 8], float32 in 0..1, and their labels [1797].

    As `sklearn.datasets.load_digits` does, but without two seconds of imports: the file holds a
    row of 64 pixels in 0..16 and the label for each image.
    """
    package = find_spec("sklearn")
    assert package is not None, "scikit-learn is a requirement"
    assert package.origin is not None
    path = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    rows = torch.from_numpy(numpy.loadtxt(path, delimiter=",", dtype=numpy.float32))
    return rows[:, :64].view(-1, 1, 8, 8) / 16, rows[:, 64].long()


def enlarge(images: Tensor, size: int, degrees: Tensor) -> Tensor:
    """Enlarge images [N, 1, 8, 8] to [N, 1, size, size], turned by degrees [N], smoothly."""
    turned = rotate(images, degrees, size=size, frame=FRAME, interpolation="bicubic")
    return turned.clamp_(0, 1)  # bicubic curves overshoot


class Digits:
    """Ten classes of digits, each image turned once by a seeded angle in [-rotation, rotation].

    `train_size` keeps a class-balanced part of the training images (None: all that `val_size` and
    `test_size` leave); `split_seed` fixes the splits and angles, whatever the training's seed;
    `augment_rotation` turns training images further, afresh in every epoch. `circle_crop` keeps
    only the images' inscribed discs; `mirror` is the probability to mirror a training or validation
    image.
    """

    def __init__(
        self,
        size: Count = 16,
        circle_crop: bool = False,
        rotation: Degrees = 180.0,
        val_size: Count = 180,
        test_size: Count = 360,
        train_size: Count | None = None,
        split_seed: Natural = 0,
        augment_rotation: Degrees = 0.0,
        mirror: Fraction = 0.0,
    ) -> None:
        self.size = size
        self.circle_crop = circle_crop
        self.rotation = rotation
        self.val_size = val_size
        self.test_size = test_size
        self.train_size = train_size
        self.split_seed = split_seed
        self.augment_rotation = augment_rotation
        self.mirror = mirror

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation."""
        return DataSpec(
            in_channels=1,
            num_classes=10,
            size=(self.size, self.size),
            mean=MEAN,
            std=STD,
            class_names=tuple("0123456789"),
            circle_crop=self.circle_crop,
        )

    def splits(self) -> Splits:
        """Return the three splits; no source image is in two of them.

        Raises ValueError if the sizes leave nothing to train on.
        """
        images, labels = read_digits()
        angles = random_degrees(
            len(labels), self.rotation, keyed_generator(self.split_seed, "angles")
        )
        images = enlarge(images, self.size, angles)
        rest, test = hold_out(labels, self.test_size, self.split_seed, "test")
        kept, held = hold_out(labels[rest], self.val_size, self.split_seed, "val")
        train = subset(rest[kept], labels, self.train_size, self.split_seed, "train")
        spec = self.spec

        def split(indices: Tensor, augment: RandomRotation | None = None) -> TensorSplit:
            return TensorSplit(images[indices], labels[indices], spec, augment)

        augment = RandomRotation(self.augment_rotation) if self.augment_rotation else None
        parts = Splits(spec, split(train, augment), split(rest[held]), split(test))
        return mirrored(parts, self.mirror)
