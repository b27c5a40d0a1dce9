"""Supervised: the classes of images."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from datasets.spec import DataSpec
from models.vae import Autoencoding
from partial_equiv.groups import SO2
from partial_equiv.intervals import Fraction
from partial_equiv.penalties import Symmetry
from partial_equiv.refusal import Refusal
from tasks.figures import Figures, Name
from tasks.task import Task

__all__ = ["Classification"]


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
