"""What every task promises, and the tasks on images: their classes, target vectors, themselves."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from datasets.spec import DataSpec, Split
from datasets.stiffness import COMPONENTS
from models.stiffness import StiffnessHead, representation
from models.vae import Autoencoding
from partial_equiv.groups import SO2, Dihedral
from partial_equiv.intervals import Fraction, NonNegative
from partial_equiv.penalties import Symmetry
from partial_equiv.refusal import Refusal
from tasks.figures import Figures, Name

__all__ = ["ELBO", "Classification", "Regression", "Task"]

SUMS = "sums/"  # names of what a metric is made from, and what is not reported
ROUNDING = 1e-12  # of a mean square: less variance than this is none


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


class Classification(Task):
    """Cross entropy of logits [B, K] against classes [B]; reports and selects by accuracy.

    Args:
        label_smoothing: share of the probability that the loss wants spread over all classes.
        metrics: further figures of validation and test, see `tasks.figures`.
        class_names: of the data set; () gives the classes their numbers.

    >>> import torch
    >>> logits, classes = torch.eye(3) * 50, torch.tensor([0, 1, 0])
    >>> loss, metrics = Classification().step(torch.nn.Identity(), (logits, classes))
    >>> round(float(metrics["accuracy"]), 3)
    0.667
    """

    monitor = "accuracy"
    mode = "max"

    def __init__(
        self,
        label_smoothing: Fraction = 0.0,
        metrics: Sequence[Name] = (),
        class_names: Sequence[str] = (),
    ) -> None:
        self.label_smoothing, self.metrics, self.class_names = label_smoothing, metrics, class_names

    def figures(self) -> Figures:
        """Return what gathers the further figures of an evaluation."""
        return Figures(self.metrics, self.class_names)

    def step(self, model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean loss and {"accuracy"} of a batch (images [B, C, H, W], classes [B])."""
        images, classes = batch
        logits = model(images)  # [B, K]
        if isinstance(logits, Autoencoding):
            raise Refusal("the net is an autoencoder; try task=elbo", task="classification")
        loss = functional.cross_entropy(logits, classes, label_smoothing=self.label_smoothing)
        return loss, {"accuracy": (logits.argmax(1) == classes).double().mean()}

    def evaluate(
        self, model: nn.Module, batch: tuple[Tensor, ...], figures: Figures
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """As `step`, which may be a subclass's; the figures are shown the logits of the net."""

        def show(_model: nn.Module, _images: object, logits: object) -> None:
            if isinstance(logits, Tensor):
                figures.update(logits, batch[1])

        listening = model.register_forward_hook(show)
        try:
            return self.step(model, batch)
        finally:
            listening.remove()

    def symmetry(self, spec: DataSpec) -> Symmetry | None:
        """Return the turns of images, which leave their classes as they are."""
        return Symmetry(SO2()) if max(spec.size) > 1 else None

    def check(self, spec: DataSpec) -> None:
        """Check that the data set is one for this task.

        Raises:
            Refusal: if the data set has no classes, or one alone.
        """
        super().check(spec)
        if spec.num_classes is None:
            raise Refusal("the data set has no classes but target vectors; try task=regression")
        if spec.num_classes == 1:
            raise Refusal("the data set has one class, which leaves a net nothing to tell")
        if "top5" in self.metrics and spec.num_classes <= 5:
            reason = f"top5 is always right: the data set has {spec.num_classes} classes"
            raise Refusal(f"{reason}; leave it out", metrics=_listed(self.metrics))


def _listed(names: Sequence[str]) -> str:
    """Names as one types them."""
    return f"[{','.join(names)}]"


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


class ELBO(Task):
    r"""The negative evidence lower bound of a variational autoencoder, per image; selects by it.

        loss = reconstruction + β·kl,    reconstruction = ½‖x − x̂‖²,    kl = KL(N(μ, σ²) ‖ N(0, 1))

    for a decoder with Gaussian noise of variance 1 in units of the normalised pixels, less
    constants (Higgins et al., "beta-VAE", ICLR 2017, for β ≠ 1).

    Args:
        beta: β.
    """

    def __init__(self, beta: NonNegative = 1.0) -> None:
        self.beta = beta

    def step(self, model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean loss and {"reconstruction", "kl"} of a batch (images, whatever)."""
        images = batch[0]
        made = model(images)
        if not isinstance(made, Autoencoding):
            raise Refusal("the net is no autoencoder; try net=vae_small", task="elbo")
        reconstruction = (images - made.reconstruction).square().sum((1, 2, 3)).mean() / 2
        mean, log_variance = made.mean, made.log_variance
        kl = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
        return reconstruction + self.beta * kl, {"reconstruction": reconstruction, "kl": kl}
