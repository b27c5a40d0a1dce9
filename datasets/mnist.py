"""MNIST and Fashion-MNIST, read and downloaded by torchvision; validation is held out of training.

Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
recognition" (1998). H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST" (2017).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from datasets.idx import check_idx
from datasets.images import Facts, Labelled
from datasets.published import PublishedFiles, PublishedImages
from datasets.spec import Splits
from partial_equiv.intervals import Count
from partial_equiv.refusal import Refusal

__all__ = ["FACTS", "MNIST", "MNISTImages", "Variant", "mnist_files", "read_mnist"]

Variant = Literal["MNIST", "FashionMNIST"]
CLOTHES = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
FACTS: dict[Variant, Facts] = {
    "MNIST": Facts((0.1307,), (0.3081,), tuple("0123456789")),
    "FashionMNIST": Facts((0.2860,), (0.3530,), CLOTHES),
}


def mnist_files(root: str, variant: Variant = "MNIST") -> PublishedFiles:
    """Return the four unpacked files in `root`/<variant>/raw."""
    from torchvision import datasets as torchvision_datasets

    resources = getattr(torchvision_datasets, variant).resources
    files = {name.removesuffix(".gz"): None for name, _ in resources}
    return PublishedFiles(variant, Path(root).expanduser(), f"{variant}/raw", files)


def read_mnist(
    root: str, *, train: bool, download: bool, variant: Variant = "MNIST"
) -> tuple[Tensor, Tensor]:
    """Return images [N, 1, 28, 28] uint8 and labels [N] int64 from `root`/<variant>/raw.

    Raises:
        MissingData: if files are absent or damaged and cannot be downloaded.
    """
    from torchvision import datasets as torchvision_datasets

    source = getattr(torchvision_datasets, variant)
    files = mnist_files(root, variant)

    def read() -> tuple[Tensor, Tensor]:
        data = source(str(files.root), train=train, download=download)
        images, labels = data.data.unsqueeze(1), data.targets
        if images.shape != (len(labels), 1, 28, 28):
            raise Refusal(f"{len(labels)} labels for images of shape {tuple(images.shape)}")
        return images, labels

    images, labels = files.read(read)
    prefix = "train-" if train else "t10k-"
    for name in (name for name in files.md5 if name.startswith(prefix)):
        check_idx(files, name, dict(source.resources)[f"{name}.gz"])
    if len(bad := (labels > 9).nonzero()):
        first = int(bad[0])
        reason = f"label {int(labels[first])} of image {first}, where 0 to 9 are classes"
        raise files.damaged(f"{prefix}labels-idx1-ubyte", reason)
    return images, labels


@dataclass(frozen=True, kw_only=True)
class MNISTImages(PublishedImages):
    """What is made from MNIST's own files."""

    size: Count = 28

    @property
    def files(self) -> PublishedFiles:
        """Those of MNIST."""
        return mnist_files(self.root)

    def read_part(self, *, train: bool) -> Labelled:
        """Return the images and labels of MNIST's training or test part, as they are."""
        return read_mnist(self.root, train=train, download=self.download)


@dataclass(frozen=True, kw_only=True)
class MNIST(MNISTImages):
    """Ten classes of upright digits, or of clothes; for settings, see `ImageSet`.

    Attributes:
        variant: digits are MNIST, clothes FashionMNIST.
    """

    variant: Variant = "MNIST"
    val_size: Count = 5000

    @property
    def facts(self) -> Facts:
        """Classes and normalisation."""
        return FACTS[self.variant]

    @property
    def files(self) -> PublishedFiles:
        """Those of the variant."""
        return mnist_files(self.root, self.variant)

    def read_part(self, *, train: bool) -> Labelled:
        """Return the images and labels of the training or test part, as they are."""
        return read_mnist(self.root, train=train, download=self.download, variant=self.variant)

    def read(self) -> Splits:
        """Read the images; validation is held out of training."""
        return self.held_out(self.read_part(train=True), self.read_part(train=False))
