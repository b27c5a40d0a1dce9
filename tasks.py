"""Tasks: the loss of a batch, the metrics to report and the one that selects the best model."""

from typing import Literal, Protocol

from torch import Tensor, nn
from torch.nn import functional

from models.vae import Autoencoding
from partial_equiv.intervals import Fraction, NonNegative

__all__ = ["ELBO", "Classification", "Task"]


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
        if isinstance(logits, Autoencoding):
            raise ValueError("task=classification: the net is an autoencoder; try task=elbo")
        loss = functional.cross_entropy(logits, classes, label_smoothing=self.label_smoothing)
        return loss, {"accuracy": (logits.argmax(1) == classes).double().mean()}


class ELBO:
    r"""The negative evidence lower bound of a variational autoencoder, per image; selects by it.

        loss = reconstruction + β·kl,    reconstruction = ½‖x − x̂‖²,    kl = KL(N(μ, σ²) ‖ N(0, 1))

    for a decoder with Gaussian noise of variance 1 in units of the normalised pixels, less
    constants (Higgins et al., "beta-VAE", ICLR 2017, for β ≠ 1).

    Args:
        beta: β.
    """

    monitor: str = "loss"
    mode: Literal["max", "min"] = "min"

    def __init__(self, beta: NonNegative = 1.0) -> None:
        self.beta = beta

    def step(self, model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean loss and {"reconstruction", "kl"} of a batch (images, whatever)."""
        images = batch[0]
        made = model(images)
        if not isinstance(made, Autoencoding):
            raise ValueError("task=elbo: the net is no autoencoder; try net=vae_small")
        reconstruction = (images - made.reconstruction).square().sum((1, 2, 3)).mean() / 2
        mean, log_variance = made.mean, made.log_variance
        kl = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
        return reconstruction + self.beta * kl, {"reconstruction": reconstruction, "kl": kl}
