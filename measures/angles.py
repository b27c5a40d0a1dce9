"""measure=[angles]: how accurate a net is on test images that are turned, angle by angle.

The protocol of Edixhoven, Lengyel, van Gemert, "Using and Abusing Equivariance" (ICCVw 2023): test
images are turned bilinearly, and cropped to their inscribed disc if those of training are.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import pi
from statistics import fmean
from typing import TypeVar

import torch
from torch import Tensor, nn

from analysis.broken_equivariance import draw_accuracies_over_angles
from datasets.framing import circle_crop
from datasets.spec import DataSpec, Split
from measures.measure import Measure, Measured, Subject
from measures.own_symmetries import check_turns
from partial_equiv.equivariance import act_on_images
from partial_equiv.groups import SO2
from partial_equiv.intervals import Count
from partial_equiv.refusal import Refusal
from tasks import Task
from tester import evaluate

__all__ = ["Angles", "drawn", "drawn_curve", "turned"]

QUARTERS = (0.0, 90.0, 180.0, 270.0)
WORST = 45.0  # between two quarter turns
TEST_BATCH = 256
Value = TypeVar("Value")


class Angles(Measure):
    """The test accuracy at equal steps of a full turn; the quarter turns and 45° come on top.

    Values: "accuracy_<angle>" at these five; "seen", at the angle of the training images, 0°,
    "unseen", the mean over the four quarter turns, and "chance". Table: "accuracy", a row for each
    angle.

    Args:
        num_angles: equal steps of a full turn.
        num_tests: test images to turn, drawn once and for all; None: all of them.
    """

    def __init__(self, num_angles: Count = 36, num_tests: Count | None = None) -> None:
        self.num_tests = num_tests
        steps = (360 * step / num_angles for step in range(num_angles))
        self.angles = sorted({*steps, *QUARTERS, WORST})

    def check(self, model: nn.Module, spec: DataSpec, task: Task) -> None:
        """Check that this can be measured of the net.

        Raises:
            Refusal: if the net does not classify images.
        """
        if task.monitor != "accuracy":
            raise Refusal("needs a net that classifies; try task=classification")
        check_turns(spec)

    def measure(self, subject: Subject) -> Measured:
        """Test at every angle."""
        tests = list(drawn(subject.splits.test, self.num_tests))
        found = {angle: _accuracy(subject, tests, angle) for angle in self.angles}
        picture = subject.picture("accuracy_over_angle")
        chance = 1 / subject.spec.num_outputs
        draw_accuracies_over_angles({"the net": drawn_curve(found)}, picture, chance=chance)
        values = {
            "seen": found[0.0],
            "unseen": fmean(found[angle] for angle in QUARTERS),
            **{f"accuracy_{angle:g}": found[angle] for angle in (*QUARTERS, WORST)},
            "chance": chance,
        }
        table = ("degrees", "accuracy"), list(found.items())
        return Measured(values, {"accuracy": table}, [picture])


def drawn_curve(accuracies: Mapping[float, Value]) -> dict[float, Value]:
    """What belongs to angles, without 45° where it is not one of equal steps.

    There it alone would dent the curve. (With 45°, the steps hold 135° as well.)
    """
    regular = 3 * WORST in accuracies
    return {angle: value for angle, value in accuracies.items() if regular or angle != WORST}


def turned(images: Tensor, spec: DataSpec, degrees: float) -> Tensor:
    """Normalised images [B, C, H, W] turned counter-clockwise, bilinearly, on black."""
    angle = torch.tensor([degrees * pi / 180], dtype=torch.float64)
    plain = act_on_images(SO2().matrix(angle).to(images), spec.denormalised(images))
    return spec.normalised(circle_crop(plain) if spec.circle_crop else plain)


def drawn(split: Split, number: int | None) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of a split, or of so many of its samples, which may lie in the order of classes."""
    if number is None:
        yield from split.batches(TEST_BATCH)
        return
    for images, targets in split.batches(min(number, TEST_BATCH), seed=0):
        yield images[:number], targets[:number]
        number -= len(images)
        if number <= 0:
            return


def _accuracy(subject: Subject, batches: Iterable[tuple[Tensor, Tensor]], degrees: float) -> float:
    """The accuracy on images that are turned by an angle."""
    moved = ((turned(images, subject.spec, degrees), classes) for images, classes in batches)
    return evaluate(subject.model, moved, subject.task)["accuracy"]
