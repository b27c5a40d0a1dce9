"""What all data sets of images can be told, and what they make of it, in one place.

Hold-out and selection → resizing → augmentation → disc → normalisation (in the batches) → mirror.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from torch import Tensor

from datasets.augment import augmentation
from datasets.batching import Augmentation
from datasets.dataset import DataSet
from datasets.files import Source, UnreadableFiles, make_split
from datasets.framing import resized
from datasets.holdout import counted, hold_out, selection
from datasets.mirrored import mirrored
from datasets.rotation import Degrees
from datasets.spec import DataSpec, Fit, Split, Splits
from datasets.tensors import TensorSplit
from partial_equiv.intervals import Count, Fraction, Natural, NonNegative

__all__ = ["Facts", "FileImages", "ImageSet", "Labelled", "Listed", "Photographs"]

Labelled: TypeAlias = tuple[Tensor, Tensor]
"""Images [N, C, H, W], uint8 or floats in 0..1, and their classes [N]."""

Listed: TypeAlias = tuple[Source, Tensor, Tensor]
"""A source of images, which of them to take (indices [N]), and their classes [N]."""


@dataclass(frozen=True)
class Facts:
    """What is known of a data set whatever it is told.

    Attributes:
        mean, std: one value per channel, for images scaled to 0..1.
        class_names: may be empty if only their number is known:
        num_classes: None for as many as there are names.
        side: of the images as published, in pixels, where `size` may be None.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    class_names: tuple[str, ...] = ()
    num_classes: int | None = None
    side: int | None = None


@dataclass(frozen=True, kw_only=True)
class ImageSet(DataSet):
    """A data set of images with classes.

    Attributes:
        size: side of the squares that all images are resized to, in pixels; None: as published.
        circle_crop: keep only the images' inscribed discs.
        val_size: images held out of training; a count, or where it is said a share below 1.
        train_size: keeps a class-balanced part of the training images; None: all.
        split_seed: fixes what is held out, whatever the training's seed.
        mirror: probability that a training or validation image is mirrored left to right; test
            images stay as they are.
        augment_flip, augment_crop, augment_rotation: training images are mirrored, shifted by up
            to so many pixels, and turned by up to so many degrees, afresh in every epoch.
    """

    size: Count | None = None
    circle_crop: bool = False
    val_size: Count | Fraction | None = None
    train_size: Count | None = None
    split_seed: Natural = 0
    mirror: Fraction = 0.0
    augment_flip: bool = False
    augment_crop: Natural = 0
    augment_rotation: Degrees = 0.0

    @property
    @abstractmethod
    def facts(self) -> Facts:
        """Classes and normalisation."""

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation."""
        facts, side = self.facts, self.size or self.facts.side
        assert side is not None, "images have a size"
        return DataSpec(
            in_channels=len(facts.mean),
            num_classes=facts.num_classes or len(facts.class_names),
            size=(side, side),
            mean=facts.mean,
            std=facts.std,
            class_names=facts.class_names,
            circle_crop=self.circle_crop,
        )

    @property
    def augment(self) -> Augmentation | None:
        """What happens to training images."""
        return augmentation(self.augment_flip, self.augment_crop, self.augment_rotation)

    def splits(self) -> Splits:
        """Read or make the data, check them once, and return the three splits.

        Raises:
            MissingData: if files are absent or damaged, or the data cannot be what they should be.
            Refusal: for impossible sizes.
        """
        splits = super().splits()
        return mirrored(splits, self.mirror) if self.mirror else splits

    def divided(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the indices of labels [N] to train on, and those held out for validation."""
        assert self.val_size is not None, "something is held out"
        size = counted(self.val_size, len(labels))
        kept, val = hold_out(labels, size, self.split_seed, "val")
        return self.selected(kept, labels), val

    def selected(self, indices: Tensor, labels: Tensor) -> Tensor:
        """Return the part of the training images' indices that `train_size` keeps."""
        return selection(indices, labels, self.train_size, self.split_seed, "train")

    def held_out(self, rest: Labelled, test: Labelled) -> Splits:
        """Return the splits of two parts that memory holds; validation is held out of the first."""
        images, labels = rest
        train, val = self.divided(labels)
        return self.in_memory((images[train], labels[train]), (images[val], labels[val]), test)

    def in_memory(self, train: Labelled, val: Labelled, test: Labelled) -> Splits:
        """Return the splits of three parts that memory holds."""
        spec = self.spec

        def split(part: Labelled, augment: Augmentation | None = None) -> Split:
            images, labels = part
            return TensorSplit(resized(images, self.size), labels, spec, augment)

        return Splits(spec, split(train, self.augment), split(val), split(test))


@dataclass(frozen=True, kw_only=True)
class FileImages(ImageSet):
    """Images in files, of which a split stays there if memory cannot hold it.

    Attributes:
        memory: GiB; a split that needs more stays in its files, and `train.workers` read ahead.
    """

    memory: NonNegative = 1.0

    def in_files(self, train: Listed, val: Listed, test: Listed) -> Splits:
        """Return the splits of three parts; their sources resize.

        Raises:
            UnreadableFiles: naming those of all parts at once.
        """
        spec = self.spec

        def maker(part: Listed, augment: Augmentation | None = None) -> Callable[[], Split]:
            return lambda: make_split(*part, spec, augment, memory=self.memory)

        return Splits(spec, *_all_made(maker(train, self.augment), maker(val), maker(test)))


@dataclass(frozen=True, kw_only=True)
class Photographs(FileImages):
    """Pictures in files, of any size.

    Attributes:
        fit: how a picture becomes a square.
    """

    fit: Fit = "crop"

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation, and how pictures become squares."""
        return replace(super().spec, fit=self.fit)


def _all_made(*makers: Callable[[], Split]) -> list[Split]:
    """Return what all make; UnreadableFiles of several are told as one."""
    made: list[Split] = []
    errors: list[UnreadableFiles] = []
    for make in makers:
        try:
            made.append(make())
        except UnreadableFiles as error:
            errors.append(error)
    if errors:
        reasons = {name: reason for each in errors for name, reason in each.reasons.items()}
        raise UnreadableFiles(dict(sorted(reasons.items())), errors[0].root)
    return made
