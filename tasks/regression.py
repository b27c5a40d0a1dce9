"""Supervised: the target vectors of images."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from datasets.spec import DataSpec, Split
from datasets.stiffness import COMPONENTS
from models.stiffness import StiffnessHead, representation
from partial_equiv.groups import Dihedral
from partial_equiv.penalties import Symmetry
from partial_equiv.refusal import Refusal
from tasks.task import Task

__all__ = ["Regression"]

SUMS = "sums/"  # names of what R² is made from, and what is not reported
ROUNDING = 1e-12  # of a mean square: less variance than this is none


class Regression(Task):
    """Mean squared error of answers [B, T] to targets [B, T]; selects by it.

    Reports the mean of the relative errors ‖answer − target‖ / ‖target‖ as well, and R²: the share
    of the targets' variance that the answers explain, "r2/<i>" of component i and "r2" of the
    variance added up over the components, where one of a large variance may hide the others.

    >>> import torch
    >>> task, targets = Regression(), torch.tensor([[1.0, 0.0], [3.0, 0.0]])
    >>> loss, metrics = task.step(torch.nn.Identity(), (targets * 1.5, targets))
    >>> means = {"loss": loss.item(), **{name: value.item() for name, value in metrics.items()}}
    >>> task.summary(means)
    {'loss': 0.625, 'relative_error': 0.5, 'r2': -0.25, 'r2/0': -0.25, 'r2/1': nan}
    """

    def step(self, model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean loss, {"relative_error"}, and what R² needs of a batch."""
        images, targets = batch
        answers = model(images).float()  # [B, T]
        loss = functional.mse_loss(answers, targets)
        errors = (answers - targets).norm(dim=1) / targets.norm(dim=1)
        squares = (answers - targets).double().square().mean(0)  # [T]
        true = targets.double()
        moments = {
            f"{SUMS}{kind}/{i}": mean
            for kind, means in (
                ("error", squares),
                ("mean", true.mean(0)),
                ("square", true.square().mean(0)),
            )
            for i, mean in enumerate(means)
        }
        return loss, {"relative_error": errors.mean(), **moments}

    def check(self, spec: DataSpec) -> None:
        """Check that the data set is one for this task.

        Raises:
            Refusal: if the data set has no target vectors.
        """
        super().check(spec)
        if spec.num_classes is not None:
            raise Refusal("the data set has classes, no target vectors; try task=classification")

    def symmetry(self, spec: DataSpec) -> Symmetry | None:
        """Return those of the stiffness of periodic cells: the symmetries of the square, or, where
        the phases are orthotropic, of a rectangle."""
        if spec.target_size != len(COMPONENTS):
            return None
        return Symmetry(Dihedral(2 if spec.orthotropic else 4), move_stiffness, only_pixels=True)

    def prepare(self, model: nn.Module, train: Split, spec: DataSpec) -> None:
        """Show the training targets to the heads that scale their answers like these."""
        heads = [module for module in model.modules() if isinstance(module, StiffnessHead)]
        if heads:
            targets = torch.cat([targets for _, targets in train.batches(1000)])
            for head in heads:
                head.standardise(targets, orthotropic=spec.orthotropic)

    def summary(self, means: Mapping[str, float]) -> dict[str, float]:
        """Return loss, relative error and R² (nan where all targets are the same)."""
        reported = {name: mean for name, mean in means.items() if not name.startswith(SUMS)}
        errors: list[float] = []
        variances: list[float] = []
        while f"{SUMS}error/{(i := len(errors))}" in means:
            errors.append(means[f"{SUMS}error/{i}"])
            square = means[f"{SUMS}square/{i}"]
            variance = square - means[f"{SUMS}mean/{i}"] ** 2
            variances.append(variance if variance > ROUNDING * square else 0.0)
        reported["r2"] = _explained(sum(errors), sum(variances))
        for i, (error, variance) in enumerate(zip(errors, variances, strict=True)):
            reported[f"r2/{i}"] = _explained(error, variance)
        return reported


def move_stiffness(matrix: Tensor, stiffness: Tensor) -> Tensor:
    """Return the stiffness [B, 6] of cells that are moved by a matrix [2, 2] on positions."""
    return stiffness @ representation(matrix).mT


def _explained(error: float, variance: float) -> float:
    """R², of a mean squared error."""
    return 1 - error / variance if variance > 0 else math.nan
