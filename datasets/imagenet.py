"""ImageNet-1k, from folders of pictures, from its archives or from TFRecord shards.

O. Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", IJCV 2015.
"""

from pathlib import Path
from tarfile import TarError
from typing import Literal

import torch
from torch import Tensor

from datasets.augment import augmentation
from datasets.batching import Augmentation
from datasets.class_folders import list_pictures
from datasets.files import Source, make_split
from datasets.holdout import hold_out, subset
from datasets.pictures import Fit, Pictures
from datasets.rotation import Degrees
from datasets.spec import DataSpec, MissingData, Split, Splits
from datasets.tfrecords import RecordPictures, find_shards, read_index
from partial_equiv.intervals import Count, Natural, NonNegative

__all__ = ["ImageNet"]

Part = Literal["train", "val"]
ARCHIVES = (
    "ILSVRC2012_img_train.tar",
    "ILSVRC2012_img_val.tar",
    "ILSVRC2012_devkit_t12.tar.gz",
)


class ImageNet:
    """1,281,167 photographs to train; the 50,000 published for validation are the test.

    Attributes:
        root: holds train/<class>/… and val/<class>/…; or the archives, which torchvision unpacks
            into them once; or TFRecord shards train-00000-of-… and validation-00000-of-… (also in
            folders train and validation), with labels that count from 1.
        storage: folders of pictures, or TFRecord.
        num_classes: that there are; another number for a part of ImageNet.
        size: side of the squares, in pixels.
        fit: how a photograph becomes a square.
        circle_crop: keep only the squares' inscribed discs.
        val_size: photographs to hold out of training.
        train_size: keeps a class-balanced part of the rest; None: all.
        split_seed: fixes what is held out, whatever the training's seed.
        memory: GiB; a split that needs more stays in its files, and `num_workers` threads read
            ahead.
        augment_flip, augment_crop, augment_rotation: training pictures are mirrored, shifted by up
            to so many pixels, and turned by up to so many degrees, afresh in every epoch.
    """

    def __init__(
        self,
        root: str = "data/imagenet",
        storage: Literal["folders", "tfrecord"] = "folders",
        num_classes: Count = 1000,
        size: Count = 224,
        fit: Fit = "crop",
        circle_crop: bool = False,
        val_size: Count = 20_000,
        train_size: Count | None = None,
        split_seed: Natural = 0,
        memory: NonNegative = 1.0,
        num_workers: Natural = 8,
        augment_flip: bool = False,
        augment_crop: Natural = 0,
        augment_rotation: Degrees = 0.0,
    ) -> None:
        self.root = Path(root).expanduser()
        self.storage = storage
        self.num_classes = num_classes
        self.size = size
        self.fit: Fit = fit
        self.circle_crop = circle_crop
        self.val_size = val_size
        self.train_size = train_size
        self.split_seed = split_seed
        self.memory = memory
        self.num_workers = num_workers
        self.augment = augmentation(augment_flip, augment_crop, augment_rotation)

    @property
    def spec(self) -> DataSpec:
        """Shapes, number of classes and normalisation."""
        return DataSpec(
            in_channels=3,
            num_classes=self.num_classes,
            size=(self.size, self.size),
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            circle_crop=self.circle_crop,
        )

    def splits(self) -> Splits:
        """List the photographs and return the splits; no more than memory can hold is decoded.

        Raises MissingData if files are absent, damaged or of other classes, ValueError for
        impossible sizes.
        """
        source, labels = self._listed("train")
        kept, val = hold_out(labels, self.val_size, self.split_seed, "val")
        train = subset(kept, labels, self.train_size, self.split_seed, "train")
        test_source, test_labels = self._listed("val")
        return Splits(
            self.spec,
            self._split(source, train, labels, self.augment),
            self._split(source, val, labels),
            self._split(test_source, torch.arange(len(test_labels)), test_labels),
        )

    def _split(
        self, source: Source, indices: Tensor, labels: Tensor, augment: Augmentation | None = None
    ) -> Split:
        return make_split(
            source,
            indices,
            labels[indices],
            self.spec,
            augment,
            memory=self.memory,
            num_workers=self.num_workers,
        )

    def _listed(self, part: Part) -> tuple[Source, Tensor]:
        """Return the photographs of a part and their labels [N], counted from 0."""
        if self.storage == "folders":
            return self._folders(part)
        names = ("train",) if part == "train" else ("validation", "val")
        records = read_index(find_shards(self.root, *names))
        labels = records.labels - 1
        if len(wrong := ((labels < 0) | (labels >= self.num_classes)).nonzero()):
            label = int(records.labels[wrong[0]])
            what = f"label {label}, where 1 to {self.num_classes} are labels"
            raise MissingData(f"a TFRecord of {part} has {what}", self.root, "set num_classes")
        return RecordPictures(self.root, records, self.size, self.fit), labels

    def _folders(self, part: Part) -> tuple[Source, Tensor]:
        if not (self.root / part).is_dir():
            self._unpack(part)
        folders = (self.root / "train").glob("[!.]*/")
        classes = tuple(sorted(each.name for each in folders))
        if len(classes) != self.num_classes:
            what = f"ImageNet has {len(classes)} folders of classes, not {self.num_classes}"
            raise MissingData(what, self.root / "train", "set dataset.num_classes, or add the rest")
        listing = list_pictures(self.root, part, classes)
        return Pictures(self.root, listing.names, self.size, self.fit), listing.labels

    def _unpack(self, part: Part) -> None:
        """Make the folder of a part from the published archives."""
        from torchvision import datasets as torchvision_datasets

        try:
            torchvision_datasets.ImageNet(str(self.root), part)
        except (OSError, EOFError, RuntimeError, TarError) as error:
            reason = str(error).splitlines()[0]
            remedy = f"put the folders train and val there, or the archives {', '.join(ARCHIVES)}"
            what = f"ImageNet is missing the folder {part} ({reason})"
            raise MissingData(what, self.root, remedy) from None
