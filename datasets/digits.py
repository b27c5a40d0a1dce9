"""Rotated handwritten digits: the 1,797 digits bundled with scikit-learn, enlarged and turned.

E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI (1998). No download.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy
import torch
from torch import Tensor

from datasets.holdout import hold_out
from datasets.images import Facts, ImageSet, Labelled
from datasets.randomness import keyed_generator
from datasets.rotation import Degrees, random_degrees, rotate
from datasets.spec import Splits
from partial_equiv.intervals import Count

__all__ = ["FACTS", "Digits", "enlarge", "read_digits"]

FACTS = Facts((0.24,), (0.334,), tuple("0123456789"))
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


@dataclass(frozen=True, kw_only=True)
class Digits(ImageSet):
    """Ten classes of digits; for further settings, see `ImageSet`.

    Attributes:
        rotation: each image is turned once, by a seeded angle in [-rotation, rotation] degrees;
            `split_seed` fixes it, too.
        test_size: images held out for the test.
    """

    size: Count = 16
    rotation: Degrees = 180.0
    val_size: Count = 180
    test_size: Count = 360

    @property
    def facts(self) -> Facts:
        """Classes and normalisation."""
        return FACTS

    def read(self) -> Splits:
        """Make the images; no source image is in two splits."""
        images, labels = read_digits()
        angles = random_degrees(
            len(labels), self.rotation, keyed_generator(self.split_seed, "angles")
        )
        images = enlarge(images, self.size, angles)
        rest, test = hold_out(labels, self.test_size, self.split_seed, "test")
        train, val = (rest[chosen] for chosen in self.divided(labels[rest]))

        def part(indices: Tensor) -> Labelled:
            return images[indices], labels[indices]

        return self.in_memory(part(train), part(val), part(test))
