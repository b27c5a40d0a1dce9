"""A fully connected variational autoencoder: no idea of space, nor of its symmetries."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from models.vae.autoencoder import VAE
from partial_equiv.intervals import Count

__all__ = ["MLPVAE"]


class MLPVAE(VAE):
    """Pixels → hidden layers → latents → hidden layers in reverse → pixels.

    Args:
        in_channels: of the images.
        size: of the images, (H, W).
        latent_size: length of the latent vector.
        hidden_sizes: of the encoder's layers.

    >>> import torch
    >>> vae = MLPVAE(1, (8, 8), 2)
    >>> vae(torch.zeros(3, 1, 8, 8)).reconstruction.shape
    torch.Size([3, 1, 8, 8])
    """

    def __init__(
        self,
        in_channels: Count,
        size: tuple[int, int],
        latent_size: Count = 2,
        hidden_sizes: Sequence[Count] = (256, 128),
    ) -> None:
        super().__init__()
        self.latent_size = latent_size
        shape = (in_channels, *size)
        widths = [prod(shape), *hidden_sizes]
        self.encoder = nn.Sequential(nn.Flatten(), *_layers(widths))
        self.head = nn.Linear(widths[-1], 2 * latent_size)
        back = [latent_size, *reversed(widths[1:])]
        self.decoder = nn.Sequential(
            *_layers(back), nn.Linear(back[-1], widths[0]), nn.Unflatten(1, shape)
        )

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.head(self.encoder(images)).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, latents: Tensor) -> Tensor:
        return self.decoder(latents)


def _layers(widths: Sequence[int]) -> list[nn.Module]:
    return [layer for one, two in pairwise(widths) for layer in (nn.Linear(one, two), nn.ReLU())]
