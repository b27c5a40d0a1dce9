"""Orbits as measures look at them: the views of an image side by side, images and latents."""

import torch
from torch import Tensor

from measures.measure import Subject
from models.vae import VAE

__all__ = ["decoded", "encoded", "spaced", "test_orbits"]

ORBITS = 64  # encoded at once


def test_orbits(subject: Subject) -> tuple[Tensor, Tensor]:
    """The test samples, orbit by orbit [N, V, ...], and their classes [N], where the net is."""
    num_views = subject.spec.num_views
    batches = list(subject.batches(subject.splits.test))
    samples, classes = (torch.cat(each).to(subject.device) for each in zip(*batches, strict=True))
    if subject.spec.whole_orbits:
        return samples, classes
    whole = len(classes) // num_views * num_views  # a limit may cut an orbit
    return samples[:whole].unflatten(0, (-1, num_views)), classes[:whole:num_views]


@torch.no_grad()
def encoded(autoencoder: VAE, views: Tensor) -> Tensor:
    """The mean latents [N, V, d] of views [N, V, C, H, W]."""
    parts = [autoencoder.encode(each.flatten(0, 1))[0] for each in views.split(ORBITS)]
    return torch.cat(parts).unflatten(0, views.shape[:2])


@torch.no_grad()
def decoded(autoencoder: VAE, latents: Tensor) -> Tensor:
    """The images [N, V, C, H, W] of latents [N, V, d]."""
    return autoencoder.decode(latents.flatten(0, 1)).unflatten(0, latents.shape[:2])


def spaced(num: int, most: int) -> Tensor:
    """The numbers of at most `most` of `num` things, from the first to the last."""
    return torch.linspace(0, num - 1, min(most, num)).round().long()
