"""MNIST, read and downloaded by torchvision, with a validation set held out from training.

Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
recognition" (1998).
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from torch import Tensor

from datasets.holdout import hold_out, subset
from datasets.rotation import Degrees, RandomRotation
from datasets.spec import DataSpec, MissingData, Splits
from datasets.tensors import TensorSplit
from partial_equiv.intervals import Count, Natural

__all__ = ["MNIST", "read_mnist"]

# What torchvision lets through from a dead network, and what its reader meets in a damaged file.
DOWNLOAD_FAILURES = (OSError, EOFError, HTTPException, RuntimeError)
DAMAGES = (RuntimeError, ValueError, TypeError, KeyError, AssertionError)


def read_mnist(root: str, *, train: bool, download: bool) -> tuple[Tensor, Tensor]:
    """Return images [N, 1, 28, 28] uint8 and labels [N] int64 from `root`/MNIST/raw.

    Raises MissingData if files are absent or damaged and cannot be downloaded.
    """
    from torchvision import datasets as torchvision_datasets

    source = torchvision_datasets.MNIST
    raw = Path(root).expanduser() / "MNIST" / "raw"
    names = [name.removesuffix(".gz") for name, _ in source.resources]
    try:
        with _socket_timeout(30):
            data = source(str(raw.parents[1]), train=train, download=download)
        images, labels = data.data.unsqueeze(1), data.targets
        if images.shape != (len(labels), 1, 28, 28):
            raise ValueError(f"{len(labels)} labels for images of shape {tuple(images.shape)}")
    except DOWNLOAD_FAILURES + DAMAGES as error:
        raise _missing(raw, names, error) from None
    return images, labels


def _missing(raw: Path, names: list[str], error: Exception) -> MissingData:
    absent = [name for name in names if not (raw / name).is_file()]
    reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
    if absent:
        return MissingData(
            f"MNIST is missing {', '.join(absent)} ({reason})",
            raw,
            "run once with a network and dataset.download=true, or set dataset.root (or DATA_DIR) "
            "to a folder that holds MNIST/raw",
        )
    return MissingData(
        f"a file of MNIST is damaged ({reason})",
        raw,
        "delete that folder and run once with a network and dataset.download=true",
    )


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Let a download over a dead network fail: torchvision itself would wait for minutes."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


class MNIST:
    """Ten classes of upright digits.

    `train_size` keeps a class-balanced part of the training images; `split_seed` fixes which
    images are held out, whatever the training's seed; `augment_rotation` turns training images,
    afresh in every epoch.
    """

    def __init__(
        self,
        root: str = "data",
        val_size: Count = 5000,
        train_size: Count | None = None,
        split_seed: Natural = 0,
        augment_rotation: Degrees = 0.0,
        download: bool = True,
    ) -> None:
        self.root = root
        self.val_size = val_size
        self.train_size = train_size
        self.split_seed = split_seed
        self.augment_rotation = augment_rotation
        self.download = download

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation."""
        return DataSpec(
            in_channels=1,
            num_classes=10,
            size=(28, 28),
            mean=(0.1307,),
            std=(0.3081,),
            class_names=tuple("0123456789"),
        )

    def splits(self) -> Splits:
        """Read the images and return the splits.

        Raises MissingData if the files are absent or damaged, ValueError for impossible sizes.
        """
        images, labels = read_mnist(self.root, train=True, download=self.download)
        kept, val = hold_out(labels, self.val_size, self.split_seed, "val")
        train = subset(kept, labels, self.train_size, self.split_seed, "train")
        augment = RandomRotation(self.augment_rotation) if self.augment_rotation else None
        spec = self.spec
        return Splits(
            spec,
            TensorSplit(images[train], labels[train], spec, augment),
            TensorSplit(images[val], labels[val], spec),
            TensorSplit(*read_mnist(self.root, train=False, download=self.download), spec),
        )
