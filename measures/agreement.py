"""measure=[agreement]: how far a net is invariant, against how far it should be.

agreement(φ) is the share of test pictures that get the same answer before and after a turn by φ.
Where the data were made from a known symmetry (`datasets.truth`), it should be 1 for turns that
keep the label and 0 for those that change it.
"""

from itertools import product
from math import ceil
from statistics import fmean

import torch
from torch import Tensor, nn

from analysis.agreement import draw_agreement
from datasets.spec import DataSpec
from datasets.truth import Truth
from measures.angles import drawn
from measures.measure import Measure, Measured, Subject
from partial_equiv.gconv import frozen_kernels
from partial_equiv.intervals import Count
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations import relaxations_of
from tasks import Task

__all__ = ["Agreement", "agreements"]

COLUMNS = ("degrees", "mirrored", "should keep", "agreement", "accuracy")


class Agreement(Measure):
    """Compares the answers to test pictures in all poses, each moved there from the upright one.

    A picture starts in the middle of each orientation that the data show, mirrored too if they show
    that, and is turned from there, or mirrored (as the upright picture would be) and turned.

    Values:

    - "excess": mean agreement over the poses that change the label; right is 0.
    - "lack": 1 − the mean agreement over those that keep it, but for the start itself; right is 0.
    - "unasked": mean agreement over those that the data never show; nothing is right.
    - "inside": mean accuracy over the poses that have the label of the upright picture, and
    - "outside": over those that have another one. Labels are those of the pictures as they are
      shown: what `strength` hides in the data is not hidden here.
    - "bayes": the best accuracy about the orientation part of the data's own labels.
    - "range_error": the narrowest range of angles that a layer learned, minus α, in degrees. (It is
      a rough figure: the ranges of a picture and of its turn overlap less the farther it turns.)

    What does not exist is left out, as "range_error" of nets that learn no range, or "excess" of
    data whose labels no turn changes. Table: "agreement", a row for each pose.

    Args:
        num_angles: equal steps of a full turn, at least; as many more as it takes for every
            orientation to be one of them.
        num_tests: test pictures to turn, drawn once and for all; None: all of them.
    """

    def __init__(self, num_angles: Count = 72, num_tests: Count | None = None) -> None:
        self.num_angles, self.num_tests = num_angles, num_tests

    def check(self, model: nn.Module, spec: DataSpec, task: Task) -> None:
        """Check that this can be measured of the net.

        Raises:
            Refusal: if the net does not classify, or nobody knows what is right.
        """
        if task.monitor != "accuracy":
            raise Refusal("needs a net that classifies; try task=classification")
        if spec.truth is None:
            raise Refusal("needs data whose symmetry is known; try dataset=known_symmetry")

    def measure(self, subject: Subject) -> Measured:
        """Ask for the answers in all poses."""
        truth = subject.spec.truth
        assert truth is not None, "checked"
        steps = truth.orientations * ceil(self.num_angles / truth.orientations)
        angles = [360 * step / steps for step in range(steps)]
        answers, sources = self._answers(subject, angles)
        poses = product((False, True), angles)
        kept = agreements(answers, truth).flatten().tolist()
        rows: list[tuple[float, bool, bool | None, float, float | None]] = []
        for (mirrored, degrees), share, told in zip(
            poses, kept, answers.flatten(0, 1), strict=True
        ):
            part, right = truth.part(degrees, mirrored), None
            if part is not None:
                right = (told == sources * truth.num_parts + part).double().mean().item()
            rows.append((degrees, mirrored, truth.keeps(degrees, mirrored), share, right))
        groups = {
            "excess": [row[3] for row in rows if row[2] is False],
            "lack": [1 - row[3] for row in rows[1:] if row[2]],
            "unasked": [row[3] for row in rows if row[2] is None],
            "inside": [row[4] for row in rows if row[4] is not None and row[2]],
            "outside": [row[4] for row in rows if row[4] is not None and not row[2]],
        }
        values = {name: fmean(group) for name, group in groups.items() if group}
        values["bayes"] = truth.bayes_accuracy
        if ranges := _learned_ranges(subject.model):
            values["range_error"] = 180 * min(ranges) - truth.within
        picture = subject.picture("agreement")
        draw_agreement({"the net": {row[:2]: row[3] for row in rows}}, truth, picture)
        return Measured(values, {"agreement": (COLUMNS, rows)}, [picture])

    def _answers(self, subject: Subject, angles: list[float]) -> tuple[Tensor, Tensor]:
        """The classes [2, A, N] that the net tells of test pictures, not mirrored and mirrored,
        at each angle; and their classes in the source [N]."""
        model, test_at = subject.model, subject.splits.test_at
        assert test_at is not None, "data with a truth have it"
        told, sources = [], torch.empty(0)
        with torch.inference_mode(), frozen_kernels(model):
            for mirrored, degrees in product((False, True), angles):
                batches = list(drawn(test_at(degrees, mirrored), self.num_tests))
                answers = [model(each.to(subject.device)).argmax(1).cpu() for each, _ in batches]
                told.append(torch.cat(answers))
                sources = torch.cat([targets for _, targets in batches])
        return torch.stack(told).unflatten(0, (2, len(angles))), sources


def agreements(answers: Tensor, truth: Truth) -> Tensor:
    """The share of pictures whose answer a move leaves, as a mean over where the move starts.

    Args:
        answers: [2, A, N], of N pictures that are not mirrored and mirrored, at A equal steps of a
            full turn.
        truth: in whose poses the moves start.

    Returns:
        [2, A] of the moves: not mirrored and mirrored, by each angle.
    """
    num = answers.shape[1]
    found = []
    for degrees, mirrored in truth.poses:
        step = round(degrees * num / 360)
        moved = answers.roll(-step, 1)
        moved = moved.flip(0) if mirrored else moved
        found.append((moved == moved[0, 0]).double().mean(-1))
    return torch.stack(found).mean(0)


def _learned_ranges(model: nn.Module) -> list[float]:
    """The ranges of angles that layers learned, in units of π."""
    told = (relaxation.numbers() for _, relaxation in relaxations_of(model))
    return [numbers["range"] for numbers in told if "range" in numbers]
