"""A user's own pictures, sorted into folders by class (see `class_folders`)."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from datasets.class_folders import Listing, class_names, is_presplit, list_pictures, report
from datasets.holdout import counted, hold_out
from datasets.images import Facts, Listed, Photographs
from datasets.pictures import Bits, Pictures
from datasets.spec import DataSpec, Splits
from partial_equiv.intervals import Count, Fraction
from partial_equiv.refusal import Refusal

__all__ = ["ImageFolder"]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's photographs
GREY_MEAN, GREY_STD = (0.449,), (0.226,)  # their averages


@dataclass(frozen=True, kw_only=True)
class ImageFolder(Photographs):
    """Pictures of any size and kind in two or more classes, resized to squares.

    `val_size` and `test_size` are counts, or shares below 1, and hold pictures out of training if
    there are no folders for them; every class gives its proportion. For further settings, see
    `ImageSet`, `FileImages` and `Photographs`.

    Attributes:
        root: holds train/<class>, test/<class> and perhaps val/<class>; or <class> folders alone,
            which are then split.
        grey: one channel instead of three.
        bits: that count in pictures of 16 bits a pixel, as cameras and microscopes make them; None:
            all 16, and pictures that use 12 or fewer are refused.
        mean, std: one value per channel, for images scaled to 0..1; None: those of ImageNet.

    Raises:
        Refusal: unless mean and std have one value per channel.
    """

    root: str = field(kw_only=False)
    size: Count = 64
    grey: bool = False
    bits: Bits | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    val_size: Count | Fraction = 0.1
    test_size: Count | Fraction = 0.2

    def __post_init__(self) -> None:
        channels = 1 if self.grey else 3
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) != channels:
                raise Refusal(f"grey={self.grey} needs {channels} values", **{name: list(values)})
        if self.std and 0 in self.std:
            raise Refusal("should have no zero", std=list(self.std))

    @property
    def facts(self) -> Facts:
        """Classes and normalisation; looks at the names of the folders alone.

        Raises:
            MissingData: if they are missing.
        """
        mean, std = (GREY_MEAN, GREY_STD) if self.grey else (MEAN, STD)
        return Facts(self.mean or mean, self.std or std, class_names(self._root))

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation, and what is made of pictures."""
        return replace(super().spec, bits=self.bits)

    @property
    def place(self) -> str:
        """The root."""
        return str(self._root)

    def check_available(self) -> None:
        """Look whether there are folders of classes.

        Raises:
            MissingData: saying what is missing.
        """
        class_names(self._root)

    def read(self) -> Splits:
        """Read the pictures, as far as memory can hold them; the log says how many there are."""
        root, classes, presplit = self._root, self.spec.class_names, is_presplit(self._root)
        listings = {
            part: list_pictures(root, part, classes)
            for part in (("train", "test", "val") if presplit else (".",))
            if (root / part).is_dir()
        }
        report(list(listings.values()), root)
        rest = listings["train" if presplit else "."]
        if presplit:
            kept, test = torch.arange(len(rest.names)), self._all(listings["test"])
        else:
            size = counted(self.test_size, len(rest.names))
            kept, tested = hold_out(rest.labels, size, self.split_seed, "test")
            test = self._listed(rest, tested)
        if "val" in listings:
            train, val = self.selected(kept, rest.labels), self._all(listings["val"])
        else:
            chosen, held = self.divided(rest.labels[kept])
            train, val = kept[chosen], self._listed(rest, kept[held])
        return self.in_files(self._listed(rest, train), val, test)

    @property
    def _root(self) -> Path:
        return Path(self.root).expanduser()

    def _all(self, listing: Listing) -> Listed:
        return self._listed(listing, torch.arange(len(listing.names)))

    def _listed(self, listing: Listing, indices: Tensor) -> Listed:
        pictures = Pictures(self._root, listing.names, self.size, self.fit, self.grey, self.bits)
        return pictures, indices, listing.labels[indices]
