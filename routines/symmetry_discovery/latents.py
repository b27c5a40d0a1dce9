"""The latents of all views, as a data set of their own."""

from itertools import islice

import torch

from datasets.spec import DataSpec, Split, Splits
from datasets.tensors import TensorSplit
from models.vae import VAE

__all__ = ["encoded_splits"]

BATCH = 512


@torch.no_grad()
def encoded_splits(
    autoencoder: VAE, views: Splits, device: torch.device, most: int | None = None
) -> Splits:
    """Mean latents of the views in their order, as images of a row [1, 1, d], and their classes.

    Args:
        autoencoder: in evaluation mode.
        views: of images.
        device: of the autoencoder.
        most: views of a split; None: all.
    """
    size, names = autoencoder.latent_size, views.spec.class_names
    spec = DataSpec(1, len(names), (1, size), (0.0,), (1.0,), names)

    def encoded(split: Split) -> TensorSplit:
        batches = split.batches(BATCH if most is None else most, device=device)
        pairs = [
            (autoencoder.encode(images)[0].cpu(), classes.cpu())
            for images, classes in islice(batches, None if most is None else 1)
        ]
        latents, classes = (torch.cat(each) for each in zip(*pairs, strict=True))
        return TensorSplit(latents[:, None, None], classes, spec)

    return Splits(spec, *(encoded(part) for part in (views.train, views.val, views.test)))
