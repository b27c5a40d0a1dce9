"""Unsupervised: the images themselves, from their latents."""

from torch import Tensor, nn

from models.vae import Autoencoding
from partial_equiv.intervals import NonNegative
from partial_equiv.refusal import Refusal
from tasks.task import Task

__all__ = ["ELBO"]


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
