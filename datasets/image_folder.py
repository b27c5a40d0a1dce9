"""A user's own pictures, sorted into folders by class (see `class_folders`)."""

from pathlib import Path

import torch
from torch import Tensor

from datasets.augment import augmentation
from datasets.batching import Augmentation
from datasets.class_folders import Listing, class_names, is_presplit, list_pictures
from datasets.files import make_split
from datasets.holdout import hold_out, subset
from datasets.pictures import Fit, Pictures
from datasets.rotation import Degrees
from datasets.spec import DataSpec, Split, Splits
from partial_equiv.intervals import Count, Fraction, Natural, NonNegative
from partial_equiv.refusal import Refusal

__all__ = ["ImageFolder"]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's photographs
GREY_MEAN, GREY_STD = (0.449,), (0.226,)  # their averages


class ImageFolder:
    """Pictures of any size and kind in two or more classes, resized to squares.

    Attributes:
        root: holds train/<class>, test/<class> and perhaps val/<class>; or <class> folders alone,
            which are then split.
        size: side of the squares, in pixels.
        fit: how a picture becomes a square.
        circle_crop: keep only the squares' inscribed discs.
        grey: one channel instead of three.
        mean, std: one value per channel, for images scaled to 0..1; None: those of ImageNet.
        val_size, test_size: pictures to hold out of training, if there are no folders for them: a
            count, or a share below 1. Every class gives its proportion.
        train_size: keeps a class-balanced part of the training pictures; None: all.
        split_seed: fixes what is held out, whatever the training's seed.
        memory: GiB; a split that needs more stays in its files, and `num_workers` threads read
            ahead.
        augment_flip, augment_crop, augment_rotation: training pictures are mirrored, shifted by up
            to so many pixels, and turned by up to so many degrees, afresh in every epoch.
    """

    def __init__(
        self,
        root: str,
        size: Count = 64,
        fit: Fit = "crop",
        circle_crop: bool = False,
        grey: bool = False,
        mean: tuple[float, ...] | None = None,
        std: tuple[float, ...] | None = None,
        val_size: Count | Fraction = 0.1,
        test_size: Count | Fraction = 0.2,
        train_size: Count | None = None,
        split_seed: Natural = 0,
        memory: NonNegative = 1.0,
        num_workers: Natural = 4,
        augment_flip: bool = False,
        augment_crop: Natural = 0,
        augment_rotation: Degrees = 0.0,
    ) -> None:
        """Raise ValueError unless mean and std have one value per channel."""
        self.root = Path(root).expanduser()
        self.size = size
        self.fit: Fit = fit
        self.circle_crop = circle_crop
        self.grey = grey
        self.mean = mean or (GREY_MEAN if grey else MEAN)
        self.std = std or (GREY_STD if grey else STD)
        self.val_size = val_size
        self.test_size = test_size
        self.train_size = train_size
        self.split_seed = split_seed
        self.memory = memory
        self.num_workers = num_workers
        self.augment = augmentation(augment_flip, augment_crop, augment_rotation)
        channels = 1 if grey else 3
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != channels:
                raise Refusal(f"grey={grey} needs {channels} values", **{name: list(values)})
        if 0 in self.std:
            raise Refusal("should have no zero", std=list(self.std))

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation; looks at the names of the folders alone.

        Raises MissingData if they are missing.
        """
        names = class_names(self.root)
        return DataSpec(
            in_channels=1 if self.grey else 3,
            num_classes=len(names),
            size=(self.size, self.size),
            mean=self.mean,
            std=self.std,
            class_names=names,
            circle_crop=self.circle_crop,
        )

    def splits(self) -> Splits:
        """Read the pictures, as far as memory can hold them, and return the splits.

        Raises MissingData naming what is missing, empty or unreadable; ValueError for impossible
        sizes.
        """
        spec = self.spec
        if is_presplit(self.root):
            rest = list_pictures(self.root, "train", spec.class_names)
            test = list_pictures(self.root, "test", spec.class_names)
        else:
            rest, test = self._held_out(
                list_pictures(self.root, ".", spec.class_names), self.test_size, "test"
            )
        if (self.root / "val").is_dir() and is_presplit(self.root):
            val = list_pictures(self.root, "val", spec.class_names)
        else:
            rest, val = self._held_out(rest, self.val_size, "val")
        train = subset(
            torch.arange(len(rest.names)), rest.labels, self.train_size, self.split_seed, "train"
        )
        return Splits(
            spec,
            self._split(spec, _part(rest, train), self.augment),
            self._split(spec, val),
            self._split(spec, test),
        )

    def _held_out(self, listing: Listing, size: float, purpose: str) -> tuple[Listing, Listing]:
        num = size if isinstance(size, int) else round(size * len(listing.names))
        kept, held = hold_out(listing.labels, num, self.split_seed, purpose)
        return _part(listing, kept), _part(listing, held)

    def _split(
        self, spec: DataSpec, listing: Listing, augment: Augmentation | None = None
    ) -> Split:
        return make_split(
            Pictures(self.root, listing.names, self.size, self.fit, self.grey),
            torch.arange(len(listing.names)),
            listing.labels,
            spec,
            augment,
            memory=self.memory,
            num_workers=self.num_workers,
        )


def _part(listing: Listing, indices: Tensor) -> Listing:
    return Listing([listing.names[i] for i in indices.tolist()], listing.labels[indices])
