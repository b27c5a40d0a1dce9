"""A convolutional variational autoencoder; small or deep by its settings."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from models.layers import layer_channels
from models.vae.autoencoder import VAE
from partial_equiv.gconv import Norm
from partial_equiv.intervals import Count, Positive

__all__ = ["ConvVAE", "sizes"]


def sizes(size: tuple[int, int], halvings: int) -> list[tuple[int, int]]:
    """The size, and what is left of it after each halving, rounded up.

    >>> sizes((28, 28), 3)
    [(28, 28), (14, 14), (7, 7), (4, 4)]
    """
    found = [size]
    for _ in range(halvings):
        height, width = found[-1]
        found.append((-(-height // 2), -(-width // 2)))
    return found


class ConvVAE(VAE):
    """Stages of 3x3 convolutions that halve the image, and their mirror image that doubles it.

    Args:
        in_channels: of the images.
        size: of the images, (H, W).
        latent_size: length of the latent vector.
        hidden_channels: of the first stage; `widths` multiply it.
        widths: one stage each, of hidden_channels·width channels (rounded).
        depth: convolutions of a stage; the first of an encoder's stage halves.

    >>> import torch
    >>> vae = ConvVAE(1, (28, 28), 2)
    >>> vae(torch.zeros(3, 1, 28, 28)).reconstruction.shape
    torch.Size([3, 1, 28, 28])
    """

    def __init__(
        self,
        in_channels: Count,
        size: tuple[int, int],
        latent_size: Count = 2,
        hidden_channels: Count = 16,
        widths: Sequence[Positive] = (1, 2),
        depth: Count = 1,
    ) -> None:
        super().__init__()
        self.latent_size = latent_size
        channels = [in_channels, *layer_channels(hidden_channels, widths)]
        scales = sizes(size, len(widths))
        down: list[nn.Module] = []
        for one, two in pairwise(channels):
            down += _block(one, two, stride=2)
            for _ in range(depth - 1):
                down += _block(two, two)
        height, width = scales[-1]
        flat = channels[-1] * height * width
        self.encoder = nn.Sequential(*down, nn.Flatten())
        self.head = nn.Linear(flat, 2 * latent_size)
        up: list[nn.Module] = [
            nn.Linear(latent_size, flat),
            nn.Unflatten(1, (channels[-1], height, width)),
            nn.ReLU(),
        ]
        for place in range(len(widths), 0, -1):
            for _ in range(depth - 1):
                up += _block(channels[place], channels[place])
            up.append(nn.Upsample(scales[place - 1]))
            if place > 1:
                up += _block(channels[place], channels[place - 1])
        up.append(nn.Conv2d(channels[1], in_channels, 3, padding=1))
        self.decoder = nn.Sequential(*up)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.head(self.encoder(images)).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, latents: Tensor) -> Tensor:
        return self.decoder(latents)


def _block(in_channels: int, out_channels: int, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
    return [conv, Norm(out_channels), nn.ReLU()]
