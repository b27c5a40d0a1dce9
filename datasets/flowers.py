"""Oxford Flowers 102: photographs of 102 kinds of flowers, resized to squares.

M.-E. Nilsback and A. Zisserman, "Automated Flower Classification over a Large Number of Classes",
ICVGIP 2008.
"""

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from datasets.augment import augmentation
from datasets.batching import Augmentation
from datasets.files import make_split
from datasets.holdout import subset
from datasets.pictures import Fit, Pictures
from datasets.published import read_published
from datasets.rotation import Degrees
from datasets.spec import DataSpec, Split, Splits
from partial_equiv.intervals import Count, Natural, NonNegative

__all__ = ["Flowers102"]

FOLDER = "flowers-102"
Part = Literal["train", "val", "test"]


class Flowers102:
    """The published splits: 1,020 photographs to train, 1,020 to validate and 6,149 to test.

    A split is held in memory if `memory` GiB can hold it, else `num_workers` threads read ahead;
    `fit` says how a photograph becomes a square, and `circle_crop` keeps only its inscribed disc.
    `train_size` and `val_size` keep class-balanced
    parts, which `split_seed` fixes. Training images are turned by angles in [-augment_rotation,
    augment_rotation], mirrored (`augment_flip`) and shifted by up to `augment_crop` pixels.
    """

    def __init__(
        self,
        root: str = "data",
        size: Count = 224,
        fit: Fit = "crop",
        circle_crop: bool = False,
        val_size: Count | None = None,
        train_size: Count | None = None,
        split_seed: Natural = 0,
        memory: NonNegative = 1.0,
        num_workers: Natural = 4,
        augment_flip: bool = False,
        augment_crop: Natural = 0,
        augment_rotation: Degrees = 0.0,
        download: bool = True,
    ) -> None:
        self.root = root
        self.size = size
        self.fit: Fit = fit
        self.circle_crop = circle_crop
        self.val_size = val_size
        self.train_size = train_size
        self.split_seed = split_seed
        self.memory = memory
        self.num_workers = num_workers
        self.augment = augmentation(augment_flip, augment_crop, augment_rotation)
        self.download = download

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation (that of ImageNet)."""
        from torchvision import datasets as torchvision_datasets

        names = tuple(torchvision_datasets.Flowers102.classes)
        return DataSpec(
            in_channels=3,
            num_classes=len(names),
            size=(self.size, self.size),
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            class_names=names,
            circle_crop=self.circle_crop,
        )

    def splits(self) -> Splits:
        """Read the lists, and the photographs if memory can hold them; return the splits.

        Raises MissingData if files are absent or damaged, ValueError for impossible sizes.
        """
        return Splits(
            self.spec,
            self._split("train", self.train_size, self.augment),
            self._split("val", self.val_size),
            self._split("test", None),
        )

    def _split(self, part: Part, size: int | None, augment: Augmentation | None = None) -> Split:
        names, labels = self._read(part)
        chosen = subset(torch.arange(len(labels)), labels, size, self.split_seed, part)
        root = Path(self.root).expanduser() / FOLDER / "jpg"
        return make_split(
            Pictures(root, names, self.size, self.fit),
            chosen,
            labels[chosen],
            self.spec,
            augment,
            memory=self.memory,
            num_workers=self.num_workers,
        )

    def _read(self, part: Part) -> tuple[list[str], Tensor]:
        """Return the names of a split's photographs and their labels [N]; raises MissingData."""
        from torchvision import datasets as torchvision_datasets

        source = torchvision_datasets.Flowers102
        root = Path(self.root).expanduser()
        lists = (source._file_dict["label"], source._file_dict["setid"])

        def read() -> tuple[list[str], Tensor]:
            # Given the path as the picture, torchvision reads the lists alone.
            data = source(str(root), split=part, download=self.download, loader=str)
            names, labels = zip(*((Path(path).name, label) for path, label in data), strict=True)
            return list(names), torch.tensor(labels)

        return read_published("Flowers102", root, FOLDER, {"jpg": None, **dict(lists)}, read)
