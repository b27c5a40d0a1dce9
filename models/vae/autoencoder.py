r"""What variational autoencoders share: q(z|x) = N(μ(x), σ²(x)), and x̂ = D(z).

Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014.
"""

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["VAE", "Autoencoding", "drawn"]


class Autoencoding(NamedTuple):
    """What an autoencoder makes of images.

    Attributes:
        reconstruction: x̂ [B, C, H, W].
        mean: μ [B, latent_size].
        log_variance: log σ², of that shape.
    """

    reconstruction: Tensor
    mean: Tensor
    log_variance: Tensor


class VAE(nn.Module):
    """Maps images [B, C, H, W] to an `Autoencoding`, through z = μ + σε in training and z = μ else.

    Attributes:
        latent_size: length of z.
    """

    latent_size: int

    @abstractmethod
    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance [B, latent_size] of the latents of images [B, C, H, W]."""

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """The images [B, C, H, W] of latents [B, latent_size], normalised as the data are."""

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Autoencoding:
        mean, log_variance = self.encode(images)
        latents = drawn(mean, log_variance, generator) if self.training else mean
        return Autoencoding(self.decode(latents), mean, log_variance)


def drawn(mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """z = μ + σε with ε ~ N(0, 1), of any shape."""
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)
    return mean + (log_variance / 2).exp() * noise
