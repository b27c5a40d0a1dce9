"""How far a classifier answers all views of an image alike, and rightly."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from analysis.orbit_curves import draw_over_angles
from datasets.spec import DataSpec
from measures.measure import Measure, Measured, Subject
from measures.orbits import test_orbits
from partial_equiv.gconv import frozen_kernels
from partial_equiv.refusal import Refusal
from tasks import Classification, Task

__all__ = ["Views", "agreement", "answers"]

BATCH = 512


class Views(Measure):
    """Accuracy and agreement of a classifier over the views of the test images.

    Values: "accuracy", "consistency" (see `agreement`), "chance", the accuracy of guessing, and
    "images", their number. Table: "angles", a row for each view.
    """

    def check(self, model: nn.Module, spec: DataSpec, task: Task) -> None:
        """Check that this can be measured of the net.

        Raises:
            Refusal: unless the net classifies views of images.
        """
        if not isinstance(task, Classification):
            raise Refusal("the net is no classifier; try task=classification")
        if spec.num_views == 1:
            raise Refusal("the data set has no orbits; try dataset=orbits")

    def measure(self, subject: Subject) -> Measured:
        """The figures of all views together, and a line for each of them."""
        samples, classes = test_orbits(subject)
        told = answers(subject.model, samples)
        accuracies = (told == classes[:, None]).double().mean(0).tolist()
        same = (told == told[:, :1]).double().mean(0).tolist()
        picture = subject.picture("over_angles")
        found = agreement(told, classes) | {
            "chance": 1 / subject.spec.num_outputs,
            "images": len(classes),
        }
        draw_over_angles(
            {"this net": accuracies},
            {"this net": same},
            picture,
            num_images=len(classes),
            chance=found["chance"],
        )
        degrees = [360 * k / len(same) for k in range(len(same))]
        rows = list(zip(degrees, accuracies, same, strict=True))
        columns = ["degrees", "accuracy", "same answer as upright"]
        return Measured(found, {"angles": (columns, rows)}, [picture])


@torch.no_grad()
def answers(classifier: nn.Module, samples: Tensor) -> Tensor:
    """The classes [N, V] that a classifier gives samples [N, V, ...]."""
    with frozen_kernels(classifier):
        found = [classifier(part).argmax(1) for part in samples.flatten(0, 1).split(BATCH)]
    return torch.cat(found).unflatten(0, samples.shape[:2])


def agreement(told: Tensor, classes: Tensor) -> dict[str, float]:
    """Accuracy of answers [N, V] for classes [N], and how far they agree over the views.

    "consistency" is the share of the views that get the answer most frequent for their image.
    """
    counts = functional.one_hot(told).sum(1)  # [N, K]
    return {
        "accuracy": (told == classes[:, None]).double().mean().item(),
        "consistency": (counts.amax(1) / told.shape[1]).double().mean().item(),
    }
