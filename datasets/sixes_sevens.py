"""MNIST67-180: upright sixes, sixes turned by 180°, and sevens in either orientation.

A net must tell a six from its turn, and must not care for a seven's: how equivariant it should be
depends on the image.

H. Kim, H. Kim, E. Yang and J. Lee, "Variational Partial Group Convolutions for Input-Aware Partial
Equivariance of Rotations and Color-Shifts", ICML 2024.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from datasets.images import Facts, Labelled
from datasets.mnist import FACTS, MNISTImages
from datasets.randomness import keyed_generator
from datasets.spec import Splits
from partial_equiv.intervals import Count

__all__ = ["MNISTSixesSevens"]


@dataclass(frozen=True, kw_only=True)
class MNISTSixesSevens(MNISTImages):
    """Three classes from 12,183 source images to train and validate and 1,986 to test.

    A six counts twice, upright in class 0 and turned in class 1; a seven counts once, in class 2,
    and half of the sevens are turned, as `split_seed` says. That makes 18,101 images, of which
    those of `val_size` source images are held out, and 2,944. Sizes count source images. For
    settings, see `ImageSet`.
    """

    val_size: Count = 1000

    @property
    def facts(self) -> Facts:
        """Classes and normalisation."""
        return replace(FACTS["MNIST"], class_names=("6", "6 turned", "7"))

    def read(self) -> Splits:
        """Read the images; no source image is in two splits."""
        images, labels = self._read(train=True)
        train, val = self.divided(labels)
        return self.in_memory(
            _classes(images[train], labels[train]),
            _classes(images[val], labels[val]),
            _classes(*self._read(train=False)),
        )

    def _read(self, *, train: bool) -> Labelled:
        """Return sixes and sevens [N, 1, 28, 28], these in their orientations, and labels [N]."""
        images, labels = self.read_part(train=train)
        chosen = (labels == 6) | (labels == 7)
        images, labels = images[chosen], labels[chosen]
        sevens = (labels == 7).nonzero().flatten()
        key = "train sevens" if train else "test sevens"
        order = torch.randperm(len(sevens), generator=keyed_generator(self.split_seed, key))
        turned = sevens[order[: len(sevens) // 2]]
        images[turned] = _turned(images[turned])
        return images, labels


def _classes(images: Tensor, labels: Tensor) -> Labelled:
    """Return upright sixes, the same sixes turned, and sevens, with classes 0 to 2."""
    sixes, sevens = images[labels == 6], images[labels == 7]
    sizes = torch.tensor([len(sixes), len(sixes), len(sevens)])
    parts = torch.cat([sixes, _turned(sixes), sevens])
    return parts, torch.arange(3).repeat_interleave(sizes)


def _turned(images: Tensor) -> Tensor:
    return images.rot90(2, (-2, -1))
