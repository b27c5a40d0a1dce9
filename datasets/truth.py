"""The right answer of a task whose symmetry is known, because the task was made from it.

An upright picture x of class c is shown as R(a + 360°k/K)·Mᵐ·x: mirrored (m) or not, then turned to
one of K orientations, give or take an angle a in [-α, α]. Its label is (c, k), or (c, k, m) where
the mirror counts. The turns within ±α keep it: to be invariant to them, and to no others, is right.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from datasets.rotation import Degrees
from partial_equiv.intervals import Count, Interval
from partial_equiv.refusal import Refusal

__all__ = ["MirrorImages", "Strength", "Truth"]

MirrorImages = Literal["absent", "free", "counts"]
"""Whether pictures are mirrored: none are; half are, and the label does not tell; or it does."""

Strength = Annotated[float, Interval(0, 1, open_low=True)]
"""The share of labels that know how their pictures are shown; without any, nothing is right."""

ROUNDING = 1e-6  # degrees


@dataclass(frozen=True)
class Truth:
    """Which turns keep a label, and how well a label can be told.

    Whatever a net makes of the gaps between the orientations, or of mirror images where the data
    have none, is neither right nor wrong: the data never show them.

    That the label can be told supposes that no picture looks like another one in its orientation,
    as a 6 looks like a 9 that is turned by 180°, and an 8 like itself.

    Attributes:
        within: α, in degrees.
        orientations: K, in equal steps of a full turn.
        mirror: whether there are mirror images, and whether they count.
        strength: s; of the other labels the orientation (and the mirror that counts) is drawn anew.

    Raises:
        Refusal: if the orientations overlap.

    >>> truth = Truth(within=45, orientations=2)
    >>> [truth.keeps(degrees) for degrees in (30, 90, 180)]
    [True, None, False]
    """

    within: Degrees = 45.0
    orientations: Count = 2
    mirror: MirrorImages = "absent"
    strength: Strength = 1.0

    def __post_init__(self) -> None:
        if 2 * self.within > self.step + ROUNDING:
            reason = f"orientations overlap beyond {self.step / 2:g} degrees"
            raise Refusal(reason, within=self.within, orientations=self.orientations)

    @property
    def step(self) -> float:
        """From one orientation to the next, in degrees."""
        return 360 / self.orientations

    @property
    def poses(self) -> tuple[tuple[float, bool], ...]:
        """The middles of all that the data show: the turn in degrees, and whether mirrored."""
        mirrors = (False,) if self.mirror == "absent" else (False, True)
        return tuple((k * self.step, m) for k in range(self.orientations) for m in mirrors)

    @property
    def num_parts(self) -> int:
        """The values that the orientation part of a label may take: K, or 2K."""
        return self.orientations * (2 if self.mirror == "counts" else 1)

    @property
    def part_names(self) -> tuple[str, ...]:
        """In plain English; the upright one has none."""
        mirrors = ("", "mirrored") if self.mirror == "counts" else ("",)
        turns = ["", *(f"turned by {k * self.step:g}°" for k in range(1, self.orientations))]
        return tuple(" and ".join(filter(None, (m, turn))) for turn in turns for m in mirrors)

    @property
    def bayes_accuracy(self) -> float:
        """The best accuracy about the orientation part of the labels: s + (1 − s)/num_parts."""
        return self.strength + (1 - self.strength) / self.num_parts

    def part(self, degrees: float, mirrored: bool = False) -> int | None:
        """The orientation part of the label of a picture that is shown mirrored, then turned.

        None if the data show no such picture, or the border that two orientations share.
        """
        if mirrored and self.mirror == "absent":
            return None
        nearest = round(degrees / self.step)
        off = abs(degrees - nearest * self.step)
        shared = self.orientations > 1 and off > self.step / 2 - ROUNDING
        if off > self.within + ROUNDING or shared:
            return None
        k = nearest % self.orientations
        return 2 * k + mirrored if self.mirror == "counts" else k

    def keeps(self, degrees: float, mirrored: bool = False) -> bool | None:
        """Whether a picture in the middle of its orientation keeps its label; None: not asked.

        Args:
            degrees: that it is turned by.
            mirrored: whether it is also mirrored, left to right as the upright picture has them.
        """
        part = self.part(degrees, mirrored)
        return None if part is None else part == 0
