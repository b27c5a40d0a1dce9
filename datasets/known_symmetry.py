"""Pictures whose label tells their orientation as far as it counts: what is right is a number.

How far a net should be invariant is then known (see `truth`), so that one can say by how much it is
too much or too little (measure=agreement). MNIST6-180 and MNIST6-M of D. W. Romero and S. Lohit,
"Learning Partial Equivariances from Data", NeurIPS 2022, are special cases: sixes in every pose,
with two orientations, or with a mirror that counts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from datasets.dataset import DataSet
from datasets.digits import FACTS as DIGITS
from datasets.digits import enlarge, read_digits
from datasets.framing import resized
from datasets.holdout import counted, hold_out, selection
from datasets.images import Facts, Labelled
from datasets.mnist import MNIST
from datasets.objects import Objects
from datasets.poses import Turn, posed
from datasets.randomness import keyed_generator
from datasets.rotation import Degrees, random_degrees, turned
from datasets.spec import DataSpec, Split, Splits
from datasets.tensors import TensorSplit
from datasets.truth import MirrorImages, Strength, Truth
from partial_equiv.intervals import Count, Fraction, Natural
from partial_equiv.refusal import Refusal

__all__ = ["KnownSymmetry"]

Source = Literal["digits", "mnist", "fashionmnist", "cifar10"]
PUBLISHED: Mapping[Source, Callable[..., MNIST | Objects]] = {
    "mnist": MNIST,
    "fashionmnist": partial(MNIST, variant="FashionMNIST"),
    "cifar10": Objects,
}
SIZES: Mapping[Source, int] = {"digits": 16, "mnist": 28, "fashionmnist": 28, "cifar10": 32}
DISTINCT = ("3", "4", "6", "7")  # digits that no half turn makes like themselves or one another


@dataclass(frozen=True, kw_only=True)
class KnownSymmetry(DataSet):
    """Upright pictures, each turned once; the label is (class, orientation), see `Truth`.

    All sizes count source pictures; none is in two splits.

    Attributes:
        source: digits are those bundled with scikit-learn.
        root: folder of the published ones.
        classes: names of the source's classes to keep; None: 3, 4, 6, 7 of digits and MNIST (those
            that no half turn makes like themselves or one another), all of the others. (A 3 is
            its own mirror image, turned by 180°: with mirrors and half turns, leave it out.)
        within, orientations, mirror, strength: the dials of the truth.
        poses: whether a source picture is shown in one pose (orientation, and mirror) that is drawn
            for it, or in every one.
        size: of the pictures, in pixels; None: as published, and 16 for digits.
        circle_crop: keep only the pictures' inscribed discs; None: if their corners would tell how
            they are turned, that is unless all are turned by quarter turns.
        val_size: held out of training; a count, or a share below 1.
        test_size: of digits, held out of all (None: a quarter of them); else kept of the published
            test pictures (None: all).
        train_size: keeps a class-balanced part of the training pictures; None: all.
        split_seed: fixes what is held out, poses, angles and labels, whatever the training's seed.
        download: get the files if they are not there.

    Raises:
        Refusal: if orientations overlap, or for classes that the source does not have.
    """

    source: Source = "digits"
    root: str = field(default="data", kw_only=False)
    classes: tuple[str | int, ...] | None = None
    within: Degrees = 45.0
    orientations: Count = 2
    mirror: MirrorImages = "absent"
    strength: Strength = 1.0
    poses: Literal["drawn", "every"] = "drawn"
    size: Count | None = None
    circle_crop: bool | None = None
    val_size: Count | Fraction = 0.15
    test_size: Count | None = None
    train_size: Count | None = None
    split_seed: Natural = 0
    download: bool = True

    def __post_init__(self) -> None:
        _ = self.truth
        names, known = self.kept, self.facts.class_names
        if unknown := [name for name in names if name not in known]:
            reason = f"no class {unknown[0]}, only {', '.join(known)}"
            raise Refusal(reason, classes=list(names))
        if not names or len(set(names)) < len(names):
            raise Refusal("should name at least one class, each once", classes=list(names))

    @property
    def truth(self) -> Truth:
        """Which turns keep a label."""
        return Truth(self.within, self.orientations, self.mirror, self.strength)

    @property
    def facts(self) -> Facts:
        """Of the source."""
        reader = self._reader
        return DIGITS if reader is None else reader.facts

    @property
    def kept(self) -> tuple[str, ...]:
        """The names of the source's classes that are kept."""
        if self.classes is not None:
            return tuple(map(str, self.classes))
        return DISTINCT if self.source in ("digits", "mnist") else self.facts.class_names

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes, normalisation and truth."""
        facts, truth = self.facts, self.truth
        side = self.size or SIZES[self.source]
        oblique = self.within > 0 or 4 % self.orientations > 0
        pairs = [f"{name} {part}".strip() for name in self.kept for part in truth.part_names]
        return DataSpec(
            in_channels=len(facts.mean),
            num_classes=len(pairs),
            size=(side, side),
            mean=facts.mean,
            std=facts.std,
            class_names=tuple(pairs),
            circle_crop=oblique if self.circle_crop is None else self.circle_crop,
            truth=truth,
        )

    @property
    def place(self) -> str:
        """Where the source is read from."""
        return super().place if self._reader is None else self._reader.place

    def check_available(self) -> None:
        """Look whether the source's files are there, unless they may be downloaded.

        Raises:
            MissingData: naming what is missing, and how to get it.
        """
        if self._reader is not None:
            self._reader.check_available()

    def read(self) -> Splits:
        """Turn the pictures."""
        (images, labels), test = self._upright()
        held = counted(self.val_size, len(labels))
        kept, val = hold_out(labels, held, self.split_seed, "val")
        train = selection(kept, labels, self.train_size, self.split_seed, "train")
        return Splits(
            self.spec,
            self._shown(images[train], labels[train], "train"),
            self._shown(images[val], labels[val], "val"),
            self._shown(*test, "test"),
            test_at=partial(_at, *test, self._turn, self.spec),
        )

    @property
    def _reader(self) -> MNIST | Objects | None:
        """What reads the source; None for digits."""
        made = PUBLISHED.get(self.source)
        return None if made is None else made(self.root, download=self.download)

    @property
    def _turn(self) -> Turn:
        """How source pictures are turned: small digits are enlarged by the same interpolation."""
        return partial(_enlarged, self.spec.size[0]) if self._reader is None else turned

    def _upright(self) -> tuple[Labelled, Labelled]:
        """Source pictures to train and validate with, and to test with, of the kept classes."""
        seed, reader = self.split_seed, self._reader
        if reader is None:
            images, labels = self._of_classes(*read_digits())
            rest, test = hold_out(labels, self.test_size or len(labels) // 4, seed, "test")
            return (images[rest], labels[rest]), (images[test], labels[test])
        first, (images, labels) = (
            self._of_classes(*reader.read_part(train=train)) for train in (True, False)
        )
        test = selection(torch.arange(len(labels)), labels, self.test_size, seed, "test")
        return first, (images[test], labels[test])

    def _of_classes(self, images: Tensor, labels: Tensor) -> Labelled:
        """Pictures of the kept classes in their final size (digits are enlarged later), with
        their classes in the order of `kept`."""
        number = torch.full((len(self.facts.class_names),), -1)
        number[[self.facts.class_names.index(name) for name in self.kept]] = torch.arange(
            len(self.kept)
        )
        labels = number[labels]
        images, labels = images[labels >= 0], labels[labels >= 0]
        return images if self._reader is None else resized(images, self.size), labels

    def _shown(self, images: Tensor, sources: Tensor, part: str) -> TensorSplit:
        """The samples made of source pictures [N, C, H, W] of classes [N]."""
        truth, num = self.truth, len(sources)
        degrees, mirrored = map(torch.tensor, zip(*truth.poses, strict=True))
        if self.poses == "every":
            pose = torch.arange(len(degrees)).repeat_interleave(num)
            images = images.repeat(len(degrees), 1, 1, 1)
            sources = sources.repeat(len(degrees))
        else:
            pose = torch.randint(len(degrees), (num,), generator=self._drawn(part, "poses"))
        offsets = random_degrees(len(pose), self.within, self._drawn(part, "angles"))
        shown = posed(images, degrees[pose] + offsets, mirrored[pose], self._turn)
        parts = torch.tensor([truth.part(*each) for each in truth.poses])[pose]
        draws = self._drawn(part, "labels")
        unknowing = torch.rand(len(pose), generator=draws) >= self.strength
        guesses = torch.randint(truth.num_parts, (len(pose),), generator=draws)
        targets = sources * truth.num_parts + torch.where(unknowing, guesses, parts)
        return TensorSplit(shown, targets, self.spec)

    def _drawn(self, part: str, purpose: str) -> torch.Generator:
        return keyed_generator(self.split_seed, part, purpose)


def _enlarged(size: int, images: Tensor, degrees: Tensor) -> Tensor:
    return enlarge(images, size, degrees)


def _at(
    images: Tensor, sources: Tensor, turn: Turn, spec: DataSpec, degrees: float, mirrored: bool
) -> Split:
    """Source pictures in one pose, with their classes in the source."""
    every = (torch.full((len(sources),), degrees), torch.full((len(sources),), mirrored))
    return TensorSplit(posed(images, *every, turn), sources, spec)
