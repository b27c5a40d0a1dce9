"""Oxford Flowers 102: photographs of 102 kinds of flowers, resized to squares.

M.-E. Nilsback and A. Zisserman, "Automated Flower Classification over a Large Number of Classes",
ICVGIP 2008.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from datasets.holdout import selection
from datasets.images import Facts, Listed, Photographs
from datasets.pictures import Pictures
from datasets.published import PublishedFiles, PublishedImages
from datasets.spec import Splits
from partial_equiv.intervals import Count

__all__ = ["Flowers102"]

Part = Literal["train", "val", "test"]


@dataclass(frozen=True, kw_only=True)
class Flowers102(PublishedImages, Photographs):
    """The published splits: 1,020 photographs to train, 1,020 to validate and 6,149 to test.

    For further settings, see `ImageSet`, `FileImages` and `Photographs`.

    Attributes:
        val_size: keeps a class-balanced part of the validation photographs; None: all.
    """

    size: Count = 224
    val_size: Count | None = None

    @property
    def facts(self) -> Facts:
        """Classes and normalisation (that of ImageNet)."""
        from torchvision import datasets as torchvision_datasets

        names = tuple(torchvision_datasets.Flowers102.classes)
        return Facts((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), names)

    @property
    def files(self) -> PublishedFiles:
        """The folder of photographs, and two lists."""
        from torchvision import datasets as torchvision_datasets

        lists = torchvision_datasets.Flowers102._file_dict
        md5 = {"jpg": None, **dict([lists["label"], lists["setid"]])}
        return PublishedFiles("Flowers102", Path(self.root).expanduser(), "flowers-102", md5)

    def read(self) -> Splits:
        """Read the lists, and the photographs if memory can hold them."""
        return self.in_files(
            self._listed("train", self.train_size),
            self._listed("val", self.val_size),
            self._listed("test", None),
        )

    def _listed(self, part: Part, size: int | None) -> Listed:
        names, labels = self._read(part)
        chosen = selection(torch.arange(len(labels)), labels, size, self.split_seed, part)
        photographs = Pictures(self.files.place / "jpg", names, self.spec.size[0], self.fit)
        return photographs, chosen, labels[chosen]

    def _read(self, part: Part) -> tuple[list[str], Tensor]:
        """Return the names of a split's photographs and their labels [N].

        Raises:
            MissingData: if they are not there, or damaged.
        """
        from torchvision import datasets as torchvision_datasets

        files = self.files

        def read() -> tuple[list[str], Tensor]:
            # Given the path as the picture, torchvision reads the lists alone.
            data = torchvision_datasets.Flowers102(
                str(files.root), split=part, download=self.download, loader=str
            )
            names, labels = zip(*((Path(path).name, label) for path, label in data), strict=True)
            return list(names), torch.tensor(labels)

        return files.read(read)
