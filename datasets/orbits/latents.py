"""Latents of views, as samples in the place of the views themselves."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from datasets.batching import BatchedSplit
from datasets.spec import DataSpec, Split, Splits
from datasets.tensors import TensorSplit
from models.vae import VAE
from partial_equiv.refusal import Refusal

__all__ = ["LatentSplits", "check_images", "encoded_splits", "latent_spec"]

BATCH = 512


@dataclass(frozen=True)
class LatentSplits(Splits):
    """Splits of latents.

    Attributes:
        autoencoder: that made them.
        views: the images that they are the latents of, sample by sample.
    """

    autoencoder: VAE
    views: Splits


class LatentSplit(BatchedSplit):
    """Latents [N, d, 1, 1] with the classes of their views [N]."""

    def __init__(self, latents: Tensor, classes: Tensor, spec: DataSpec) -> None:
        super().__init__(classes, spec)
        self.table = TensorSplit(latents, classes, spec)

    def raw_batches(
        self, order: Tensor, sizes: list[int], device: torch.device | str, workers: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield latents and classes of `order` [N] on the device, in batches of these sizes."""
        return self.table.raw_batches(order, sizes, device)


def latent_spec(autoencoder: VAE, images: DataSpec) -> DataSpec:
    """The spec of the latents of single images: d channels of one pixel, not normalised."""
    size = autoencoder.latent_size
    return replace(
        images,
        in_channels=size,
        size=(1, 1),
        mean=(0.0,) * size,
        std=(1.0,) * size,
        circle_crop=False,
        whole_orbits=False,
    )


@torch.no_grad()
def check_images(autoencoder: VAE, images: DataSpec) -> None:
    """Check that the autoencoder takes images of a data set, and gives such back.

    Raises:
        Refusal: if it does not.
    """
    empty = torch.zeros(1, images.in_channels, *images.size)
    try:
        fits = autoencoder.decode(autoencoder.encode(empty)[0]).shape == empty.shape
    except RuntimeError:  # of layers whose weights have other shapes
        fits = False
    if not fits:
        shape = "x".join(map(str, empty.shape[1:]))
        raise Refusal(f"autoencoder: was trained on other images than these ones of {shape}")


@torch.no_grad()
def encoded_splits(autoencoder: VAE, views: Splits) -> LatentSplits:
    """Mean latents of the views, in their order, with their classes.

    Args:
        autoencoder: in evaluation mode.
        views: of single images.
    """
    spec = latent_spec(autoencoder, views.spec)

    def encoded(split: Split) -> LatentSplit:
        pairs = [
            (autoencoder.encode(images)[0], classes) for images, classes in split.batches(BATCH)
        ]
        latents, classes = (torch.cat(each) for each in zip(*pairs, strict=True))
        return LatentSplit(latents[..., None, None], classes, spec)

    train, val, test = map(encoded, (views.train, views.val, views.test))
    return LatentSplits(spec, train, val, test, autoencoder=autoencoder, views=views)
