"""measure=[cost]: what a step of the training takes in seconds and in memory; a net's parameters.

Accuracies of nets of one size are compared fairly only beside what they cost: copies of an image,
samples of a group and penalties may multiply the time of a step, and leave the parameters as few.
"""

import copy
from statistics import median

from torch import nn

from budget import try_out
from datasets.spec import DataSpec
from measures.measure import Measure, Measured, Subject
from partial_equiv.intervals import Count, Natural
from partial_equiv.refusal import Refusal
from tasks import Task

__all__ = ["Cost"]


class Cost(Measure):
    """Steps of the run's own training, with its batch size and its penalties, on a copy of the net.

    Values: "step_seconds", the median over the steps, without the reading of images; "step_gib",
    the memory of all answers of the layers, which a step keeps for its gradients, about; and
    "parameters". Seconds are those of this machine, and of what else it does.

    Args:
        num_steps: that are timed.
        warm_up: steps before those.
    """

    def __init__(self, num_steps: Count = 9, warm_up: Natural = 2) -> None:
        self.num_steps, self.warm_up = num_steps, warm_up

    def check(self, model: nn.Module, spec: DataSpec, task: Task) -> None:
        """Check that this can be measured of the net.

        Raises:
            Refusal: if it has nothing to learn.
        """
        if not any(parameter.requires_grad for parameter in model.parameters()):
            raise Refusal("needs a net that learns; it has no parameters")

    def measure(self, subject: Subject) -> Measured:
        """Make some steps.

        Raises:
            Refusal: if it is not known how the net is trained.
        """
        if subject.trainer is None:
            raise Refusal("needs the net's training, which is not known")
        steps = self.warm_up + self.num_steps
        seconds = subject.trainer.step_seconds(subject.model, subject.splits, subject.task, steps)
        shown = subject.task.shown(subject.spec)
        net = copy.deepcopy(subject.model).cpu()
        gib = try_out(net, shown.in_channels, shown.size, subject.batch_size)
        return Measured(
            {
                "step_seconds": median(seconds[self.warm_up :]),
                "step_gib": gib,
                "parameters": sum(each.numel() for each in subject.model.parameters()),
            }
        )
