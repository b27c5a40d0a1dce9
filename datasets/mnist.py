"""MNIST and Fashion-MNIST, read and downloaded by torchvision; validation is held out of training.

Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
recognition" (1998). H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST" (2017).
"""

from pathlib import Path
from typing import Literal

from torch import Tensor

from datasets.augment import augmentation
from datasets.framing import resized
from datasets.holdout import hold_out, subset
from datasets.published import read_published
from datasets.rotation import Degrees
from datasets.spec import DataSpec, Splits
from datasets.tensors import TensorSplit
from partial_equiv.intervals import Count, Natural
from partial_equiv.refusal import Refusal

__all__ = ["MNIST", "read_mnist"]

Variant = Literal["MNIST", "FashionMNIST"]
DIGITS = tuple("0123456789")
CLOTHES = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
FACTS: dict[Variant, tuple[float, float, tuple[str, ...]]] = {  # mean, std, class names
    "MNIST": (0.1307, 0.3081, DIGITS),
    "FashionMNIST": (0.2860, 0.3530, CLOTHES),
}


def read_mnist(
    root: str, *, train: bool, download: bool, variant: Variant = "MNIST"
) -> tuple[Tensor, Tensor]:
    """Return images [N, 1, 28, 28] uint8 and labels [N] int64 from `root`/<variant>/raw.

    Raises MissingData if files are absent or damaged and cannot be downloaded.
    """
    from torchvision import datasets as torchvision_datasets

    source = getattr(torchvision_datasets, variant)
    place = Path(root).expanduser()

    def read() -> tuple[Tensor, Tensor]:
        data = source(str(place), train=train, download=download)
        images, labels = data.data.unsqueeze(1), data.targets
        if images.shape != (len(labels), 1, 28, 28):
            raise Refusal(f"{len(labels)} labels for images of shape {tuple(images.shape)}")
        return images, labels

    files = {name.removesuffix(".gz"): None for name, _ in source.resources}
    return read_published(variant, place, f"{variant}/raw", files, read)


class MNIST:
    """Ten classes of upright digits, or of clothes.

    `train_size` keeps a class-balanced part of the training images; `split_seed` fixes which
    images are held out, whatever the training's seed; `augment_rotation` turns training images,
    `augment_flip` mirrors and `augment_crop` shifts them (pixels), afresh in every epoch. `size` is
    what all images are resized to, and `circle_crop` keeps only their inscribed discs.
    """

    def __init__(
        self,
        root: str = "data",
        variant: Variant = "MNIST",
        size: Count = 28,
        circle_crop: bool = False,
        val_size: Count = 5000,
        train_size: Count | None = None,
        split_seed: Natural = 0,
        augment_rotation: Degrees = 0.0,
        augment_flip: bool = False,
        augment_crop: Natural = 0,
        download: bool = True,
    ) -> None:
        self.root = root
        self.variant: Variant = variant
        self.size = size
        self.circle_crop = circle_crop
        self.val_size = val_size
        self.train_size = train_size
        self.split_seed = split_seed
        self.augment = augmentation(augment_flip, augment_crop, augment_rotation)
        self.download = download

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation."""
        mean, std, names = FACTS[self.variant]
        return DataSpec(
            in_channels=1,
            num_classes=10,
            size=(self.size, self.size),
            mean=(mean,),
            std=(std,),
            class_names=names,
            circle_crop=self.circle_crop,
        )

    def splits(self) -> Splits:
        """Read the images and return the splits.

        Raises MissingData if the files are absent or damaged, ValueError for impossible sizes.
        """
        images, labels = self._read(train=True)
        kept, val = hold_out(labels, self.val_size, self.split_seed, "val")
        train = subset(kept, labels, self.train_size, self.split_seed, "train")
        spec = self.spec
        return Splits(
            spec,
            TensorSplit(images[train], labels[train], spec, self.augment),
            TensorSplit(images[val], labels[val], spec),
            TensorSplit(*self._read(train=False), spec),
        )

    def _read(self, *, train: bool) -> tuple[Tensor, Tensor]:
        images, labels = read_mnist(
            self.root, train=train, download=self.download, variant=self.variant
        )
        return resized(images, self.size), labels
