"""ImageNet-1k, from folders of pictures, from its archives or from TFRecord shards.

O. Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", IJCV 2015.
"""

from dataclasses import dataclass, field
from pathlib import Path
from tarfile import TarError
from typing import Literal

import torch
from torch import Tensor

from datasets.class_folders import list_pictures, report
from datasets.files import Source
from datasets.images import Facts, Photographs
from datasets.pictures import Pictures
from datasets.spec import MissingData, Splits
from datasets.tfrecords import RecordPictures, find_shards, read_index
from partial_equiv.intervals import Count

__all__ = ["ImageNet"]

Part = Literal["train", "val"]
PARTS: tuple[Part, ...] = ("train", "val")
SHARDS: dict[Part, tuple[str, ...]] = {"train": ("train",), "val": ("validation", "val")}
ARCHIVES = (
    "ILSVRC2012_img_train.tar",
    "ILSVRC2012_img_val.tar",
    "ILSVRC2012_devkit_t12.tar.gz",
)


@dataclass(frozen=True, kw_only=True)
class ImageNet(Photographs):
    """1,281,167 photographs to train; the 50,000 published for validation are the test.

    For further settings, see `ImageSet`, `FileImages` and `Photographs`.

    Attributes:
        root: holds train/<class>/… and val/<class>/…; or the archives, which torchvision unpacks
            into them once; or TFRecord shards train-00000-of-… and validation-00000-of-… (also in
            folders train and validation), with labels that count from 1.
        storage: folders of pictures, or TFRecord.
        num_classes: that there are; another number for a part of ImageNet.
    """

    root: str = field(default="data/imagenet", kw_only=False)
    storage: Literal["folders", "tfrecord"] = "folders"
    num_classes: Count = 1000
    size: Count = 224
    val_size: Count = 20_000

    @property
    def facts(self) -> Facts:
        """Number of classes and normalisation."""
        return Facts((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), num_classes=self.num_classes)

    @property
    def place(self) -> str:
        """The folder of all files."""
        return str(self._root)

    def check_available(self) -> None:
        """Look whether the folders, archives or shards are there.

        Raises:
            MissingData: naming what is missing.
        """
        for part in PARTS:
            if self.storage == "tfrecord":
                find_shards(self._root, *SHARDS[part])
            elif not (self._root / part).is_dir():
                archive = f"ILSVRC2012_img_{part}.tar"
                if not all((self._root / each).is_file() for each in (archive, ARCHIVES[-1])):
                    raise self._missing(part)

    def read(self) -> Splits:
        """List the photographs; no more than memory can hold is decoded."""
        source, labels = self._listed("train")
        train, val = self.divided(labels)
        test_source, test_labels = self._listed("val")
        return self.in_files(
            (source, train, labels[train]),
            (source, val, labels[val]),
            (test_source, torch.arange(len(test_labels)), test_labels),
        )

    @property
    def _root(self) -> Path:
        return Path(self.root).expanduser()

    def _listed(self, part: Part) -> tuple[Source, Tensor]:
        """Return the photographs of a part and their labels [N], counted from 0."""
        if self.storage == "folders":
            return self._folders(part)
        records = read_index(find_shards(self._root, *SHARDS[part]))
        labels = records.labels - 1
        if len(wrong := ((labels < 0) | (labels >= self.num_classes)).nonzero()):
            label = int(records.labels[wrong[0]])
            what = f"label {label}, where 1 to {self.num_classes} are labels"
            raise MissingData(f"a TFRecord of {part} has {what}", self._root, "set num_classes")
        return RecordPictures(self._root, records, self.spec.size[0], self.fit), labels

    def _folders(self, part: Part) -> tuple[Source, Tensor]:
        if not (self._root / part).is_dir():
            self._unpack(part)
        folders = (self._root / "train").glob("[!.]*/")
        classes = tuple(sorted(each.name for each in folders))
        if len(classes) != self.num_classes:
            what = f"ImageNet has {len(classes)} folders of classes, not {self.num_classes}"
            raise MissingData(
                what, self._root / "train", "set dataset.num_classes, or add the rest"
            )
        listing = list_pictures(self._root, part, classes)
        report([listing], self._root)
        return Pictures(self._root, listing.names, self.spec.size[0], self.fit), listing.labels

    def _unpack(self, part: Part) -> None:
        """Make the folder of a part from the published archives."""
        from torchvision import datasets as torchvision_datasets

        try:
            torchvision_datasets.ImageNet(str(self._root), part)
        except (OSError, EOFError, RuntimeError, TarError) as error:
            reason = str(error).splitlines()[0]
            raise self._missing(part, f" ({reason})") from None

    def _missing(self, part: Part, reason: str = "") -> MissingData:
        remedy = f"put the folders train and val there, or the archives {', '.join(ARCHIVES)}"
        return MissingData(f"ImageNet is missing the folder {part}{reason}", self._root, remedy)
