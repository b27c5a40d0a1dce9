"""Tasks: the loss of a batch, the metrics to report and the one that selects the best model."""

from typing import Literal, Protocol

from torch import Tensor, nn
from torch.nn import functional

from partial_equiv.intervals import Fraction

__all__ = ["Classification", "Task"]


class Task(Protocol):
    """What a model is trained for.

    `monitor` names the validation value that selects the best model ("loss" or one of the metrics)
    and `mode` says whether more or less of it is better.
    """

    monitor: str
    mode: Literal["max", "min"]

    def step(self, model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean loss of a batch and its batch-mean metrics, all scalars."""
        ...


class Classification:
    """Cross entropy of logits [B, K] against classes [B]; reports and selects by accuracy.

    >>> import torch
    >>> logits, classes = torch.eye(3) * 50, torch.tensor([0, 1, 0])
    >>> loss, metrics = Classification().step(torch.nn.Identity(), (logits, classes))
    >>> round(float(metrics["accuracy"]), 3)
    0.667
    """

    monitor: str = "accuracy"
    mode: Literal["max", "min"] = "max"

    def __init__(self, label_smoothing: Fraction = 0.0) -> None:
        self.label_smoothing = label_smoothing

    def step(self, model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean loss and {"accuracy"} of a batch (images [B, C, H, W], classes [B])."""
        images, classes = batch
        logits = model(images)  # [B, K]
        loss = functional.cross_entropy(logits, classes, label_smoothing=self.label_smoothing)
        return loss, {"accuracy": (logits.argmax(1) == classes).double().mean()}
