"""Double MNIST: two digits side by side, each turned or mirrored on its own; the class is the pair.

A digit may be moved by a group without changing the class, the picture as a whole may not: a half
turn exchanges the two. So a net should be equivariant in its early layers, and lose it later on.

L. Veefkind and G. Cesa, "A Probabilistic Approach to Learning the Degree of Equivariance in
Steerable CNNs", ICML 2024, arXiv:2406.03946.

Published [U], by the paper's code: the six groups; 100 classes; pictures of 56 x 56 pixels, the
digits in the middle rows; 100 pictures of each class to train, 50 to test, of MNIST's training and
test digits; angles are uniform, and a digit is mirrored with probability 1/2.

Our own choice: there, 20 pictures of each class to validate are made of test digits, here of
training digits that nothing else shows; there, digits are drawn anew for every picture and
moved anew in every epoch, here each stands in as few pictures as possible and is moved once;
mean and deviation are those of MNIST with as much black beside it.

Published accuracy on data of C1, C4, SO(2), D1, D4, O(2) [C]: a CNN .962, .868, .807, .919, .711,
.649; equivariance learned from SO(2) on .953, .922, .901, .932, .863, .823.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from datasets.holdout import hold_out
from datasets.images import Facts, Labelled
from datasets.mnist import FACTS, MNISTImages
from datasets.randomness import keyed_generator
from datasets.rotation import turned
from datasets.spec import Splits
from partial_equiv.intervals import Count
from partial_equiv.refusal import Refusal

__all__ = ["DoubleMNIST", "DoubleMNISTGroup", "moved"]

DoubleMNISTGroup = Literal["C1", "C4", "D1", "D4", "SO2", "O2"]

SIDE = 28
VAL_SOURCES = 6  # every sixth of the training digits is there to validate


@dataclass(frozen=True, kw_only=True)
class DoubleMNIST(MNISTImages):
    """A hundred classes, 00 to 99, the left digit first; for further settings, see `ImageSet`.

    Sizes count pictures; they share the classes evenly to within one. Fewer training pictures are
    the first of more. `split_seed` fixes the pairs and how each digit is moved, too.

    Attributes:
        group: each digit is moved by its own element, drawn uniformly: C1 leaves it as it is, C4
            turns it by quarters, SO2 by any angle; D1, D4 and O2 mirror it first, or not.

    Raises:
        Refusal: for what would exchange the digits and keep the class.
    """

    group: DoubleMNISTGroup = "D4"
    size: Count = 2 * SIDE
    val_size: Count = 2000
    train_size: Count = 10_000
    test_size: Count = 5000

    def __post_init__(self) -> None:
        exchanges = {"mirror": self.mirror, "augment_flip": self.augment_flip}
        for name, value in exchanges.items():
            if value:
                raise Refusal(
                    "would exchange the two digits, which makes another class; the "
                    "groups D1, D4 and O2 mirror each on its own",
                    **{name: value},
                )
        if self.augment_rotation >= 90:
            reason = "should be less than 90: further turns exchange the two digits"
            raise Refusal(reason, augment_rotation=self.augment_rotation)

    @property
    def facts(self) -> Facts:
        """Classes and normalisation: half of a picture is black."""
        (mean,), (std,) = FACTS["MNIST"].mean, FACTS["MNIST"].std
        deviation = (std**2 / 2 + mean**2 / 4) ** 0.5
        return Facts((mean / 2,), (deviation,), tuple(f"{pair:02}" for pair in range(100)))

    def read(self) -> Splits:
        """Read the digits and pair them; none is in two splits."""
        digits, labels = self.read_part(train=True)
        train, val = hold_out(labels, len(labels) // VAL_SOURCES, self.split_seed, "val")
        return self.in_memory(
            self._pairs("train", digits[train], labels[train], self.train_size),
            self._pairs("val", digits[val], labels[val], self.val_size),
            self._pairs("test", *self.read_part(train=False), self.test_size),
        )

    def _pairs(self, part: str, digits: Tensor, labels: Tensor, num: int) -> Labelled:
        """Make pictures [num, 1, 56, 56] and classes [num] of digits [N, 1, 28, 28] and labels [N].

        Raises:
            Refusal: if there is none of some digit.
        """
        generator = keyed_generator(self.split_seed, f"{part} pairs")
        classes = torch.randperm(100, generator=generator)[torch.arange(num) % 100]
        wanted = torch.stack([classes // 10, classes % 10], dim=1).flatten()  # left, right, left, …
        sources = torch.empty_like(wanted)
        for digit in range(10):
            places = (wanted == digit).nonzero().flatten()
            known = (labels == digit).nonzero().flatten()
            known = known[torch.randperm(len(known), generator=generator)]
            if not len(known):
                raise Refusal(f"there is no {digit} among the digits of the {part} part")
            sources[places] = known[torch.arange(len(places)) % len(known)]
        chosen = moved(digits[sources], *self._elements(part, len(sources)))
        pictures = digits.new_zeros(num, 1, 2 * SIDE, 2 * SIDE)
        pictures[..., SIDE // 2 : -SIDE // 2, :SIDE] = chosen[::2]
        pictures[..., SIDE // 2 : -SIDE // 2, SIDE:] = chosen[1::2]
        return pictures, classes

    def _elements(self, part: str, num: int) -> tuple[Tensor, Tensor]:
        """Return the angles [num], in degrees, and which digits are mirrored [num]."""
        angles, mirrors = (
            torch.rand(num, generator=keyed_generator(self.split_seed, f"{part} {each}"))
            for each in ("angles", "mirrors")
        )
        turns = {"4": (4 * angles).floor() / 4, "1": 0 * angles, "2": angles}[self.group[-1]]
        return 360 * turns, (mirrors < 0.5) & (self.group[0] in "DO")


def moved(images: Tensor, degrees: Tensor, mirrored: Tensor) -> Tensor:
    """Mirror some uint8 images [N, C, H, H] left to right, then turn all by their degrees [N].

    Multiples of 90° move pixels as they are; other angles interpolate once (bilinear).

    >>> image = torch.tensor([[[[1, 2], [3, 4]]]], dtype=torch.uint8)
    >>> moved(image, torch.tensor([90.0]), torch.tensor([True])).tolist()
    [[[[1, 3], [2, 4]]]]
    """
    images = torch.where(mirrored.view(-1, 1, 1, 1), images.flip(-1), images)
    result = torch.empty_like(images)
    if (between := degrees % 90 != 0).any():
        result[between] = turned(images[between], degrees[between])
    for quarters in range(4):
        chosen = degrees % 360 == 90 * quarters
        result[chosen] = images[chosen].rot90(quarters, (-2, -1))
    return result
