"""What every task promises."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from datasets.spec import DataSpec, Split
from partial_equiv.penalties import Symmetry
from partial_equiv.refusal import Refusal
from tasks.figures import Figures

__all__ = ["Task"]


class Task(ABC):
    """What a model is trained for.

    `monitor` names the validation value that selects the best model ("loss" or one of the metrics)
    and `mode` says whether more or less of it is better.
    """

    monitor: str = "loss"
    mode: Literal["max", "min"] = "min"

    @abstractmethod
    def step(self, model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean loss of a batch and its batch-mean metrics, all scalars."""

    def figures(self) -> Figures:
        """Return what gathers, over an evaluation, figures that are no means over batches."""
        return Figures()

    def evaluate(
        self, model: nn.Module, batch: tuple[Tensor, ...], figures: Figures
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """As `step`, in an evaluation, whose figures are shown the answers if they are for them."""
        return self.step(model, batch)

    def check(self, spec: DataSpec) -> None:
        """Check that the data set is one for this task.

        Raises:
            Refusal: if it is not.
        """
        if spec.whole_orbits:
            raise Refusal("the samples are whole orbits; try dataset.whole=False")

    def shown(self, spec: DataSpec) -> DataSpec:
        """Return what a net is shown: the data set itself, unless the task encodes it first."""
        return spec

    def symmetry(self, spec: DataSpec) -> Symmetry | None:
        """Return how the answers move when the images do; None if that is not known."""
        return None

    def prepare(self, model: nn.Module, train: Split, spec: DataSpec) -> None:
        """Give a model what it takes from the training data as a whole, before it is trained."""
        return

    def summary(self, means: Mapping[str, float]) -> dict[str, float]:
        """Return what to report, given the means of loss and metrics over all samples."""
        return dict(means)
