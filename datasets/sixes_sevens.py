"""MNIST67-180: upright sixes, sixes turned by 180°, and sevens in either orientation.

A net must tell a six from its turn, and must not care for a seven's: how equivariant it should be
depends on the image.

H. Kim, H. Kim, E. Yang and J. Lee, "Variational Partial Group Convolutions for Input-Aware Partial
Equivariance of Rotations and Color-Shifts", ICML 2024.
"""

import torch
from torch import Tensor

from datasets.holdout import hold_out, subset
from datasets.mnist import read_mnist
from datasets.randomness import keyed_generator
from datasets.spec import DataSpec, Splits
from datasets.tensors import TensorSplit
from partial_equiv.intervals import Count, Natural

__all__ = ["MNISTSixesSevens"]


class MNISTSixesSevens:
    """Three classes from 12,183 source images to train and validate and 1,986 to test.

    A six counts twice, upright in class 0 and turned in class 1; a seven counts once, in class 2,
    and half of the sevens are turned. That makes 18,101 images, of which those of `val_size` source
    images are held out, and 2,944. Sizes count source images. `split_seed` fixes the sevens'
    orientations and which images are held out, whatever the training's seed.
    """

    def __init__(
        self,
        root: str = "data",
        val_size: Count = 1000,
        train_size: Count | None = None,
        split_seed: Natural = 0,
        download: bool = True,
    ) -> None:
        self.root = root
        self.val_size = val_size
        self.train_size = train_size
        self.split_seed = split_seed
        self.download = download

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation."""
        return DataSpec(
            in_channels=1,
            num_classes=3,
            size=(28, 28),
            mean=(0.1307,),
            std=(0.3081,),
            class_names=("6", "6 turned", "7"),
        )

    def splits(self) -> Splits:
        """Read the images and return the splits; no source image is in two of them.

        Raises MissingData if the files are absent or damaged, ValueError for impossible sizes.
        """
        images, labels = self._read(train=True)
        kept, val = hold_out(labels, self.val_size, self.split_seed, "val")
        train = subset(kept, labels, self.train_size, self.split_seed, "train")
        return Splits(
            self.spec,
            self._split(images[train], labels[train]),
            self._split(images[val], labels[val]),
            self._split(*self._read(train=False)),
        )

    def _read(self, *, train: bool) -> tuple[Tensor, Tensor]:
        """Return sixes and sevens [N, 1, 28, 28], these in their orientations, and labels [N]."""
        images, labels = read_mnist(self.root, train=train, download=self.download)
        chosen = (labels == 6) | (labels == 7)
        images, labels = images[chosen], labels[chosen]
        sevens = (labels == 7).nonzero().flatten()
        key = "train sevens" if train else "test sevens"
        order = torch.randperm(len(sevens), generator=keyed_generator(self.split_seed, key))
        turned = sevens[order[: len(sevens) // 2]]
        images[turned] = _turned(images[turned])
        return images, labels

    def _split(self, images: Tensor, labels: Tensor) -> TensorSplit:
        sixes, sevens = images[labels == 6], images[labels == 7]
        sizes = torch.tensor([len(sixes), len(sixes), len(sevens)])
        parts = torch.cat([sixes, _turned(sixes), sevens])
        return TensorSplit(parts, torch.arange(3).repeat_interleave(sizes), self.spec)


def _turned(images: Tensor) -> Tensor:
    return images.rot90(2, (-2, -1))
