"""Supervised: a transformation T of latents that does to them what a turn does to the image."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from datasets.spec import Split
from models.latent import Transformation
from models.vae import VAE, drawn
from tasks import Task

__all__ = ["Turning", "TurningErrors", "turning_errors"]


class Turning(Task):
    """Trains T so that Tᵏ(z_j) fits the view j + k, for k = 1, …, steps; selects by the loss.

    One step starts from every view of an image, several from its first view alone.

    Through the decoder, T is trained on latents drawn as D was trained on, z = μ + σε: what D does
    not look at, T is not told to keep, and with means alone it would run away there, and from
    there, once iterated, in what D looks at as well.

    Args:
        autoencoder: E and D, which stay as they are; z is the mean μ of E(x), drawn or not.
        loss: "image" compares D(Tᵏz) with the view itself, "latent" Tᵏμ with the view's μ;
            the mean of the squared differences.
        steps: how often T is iterated, fewer than there are views.
    """

    def __init__(
        self, autoencoder: VAE, loss: Literal["image", "latent"] = "image", steps: int = 1
    ) -> None:
        self.autoencoder, self.loss, self.steps = autoencoder, loss, steps

    def step(self, model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean loss and {"step<k>"}, the losses that it is the mean of."""
        views = batch[0]  # [B, V, C, H, W]
        with torch.no_grad():
            mean, log_variance = self.autoencoder.encode(views.flatten(0, 1))
            blurred = self.loss == "image" and model.training
            starts = drawn(mean, log_variance) if blurred else mean
        latents, starts = (each.unflatten(0, views.shape[:2]) for each in (mean, starts))
        starts = starts.flatten(0, 1) if self.steps == 1 else starts[:, 0]
        errors = {}
        for k in range(1, self.steps + 1):
            starts = model(starts)
            found = self.autoencoder.decode(starts) if self.loss == "image" else starts
            wanted = (views if self.loss == "image" else latents).roll(-k, 1)
            wanted = wanted.flatten(0, 1) if self.steps == 1 else wanted[:, 0]
            errors[f"step{k}"] = (found - wanted).square().mean()
        return torch.stack(list(errors.values())).mean(), errors


@dataclass(frozen=True)
class TurningErrors:
    """How far Tᵏ is from a turn by k steps: RMS errors, relative to the spread over the images.

    1 says that an error is as large as the distance from the mean of all.

    Attributes:
        latent: of Tᵏ(z_0) against the latent of view k, k = 1 … V − 1.
        image: of D(Tᵏ z_0) against view k.
        reconstruction: of D(z_k) against view k, which no T can be expected to beat.
        single_step: of D(T z_k) against view k + 1, over all k.
        composition: of T^V(z_0) against z_0: how far T^V is from the identity.
        image_composition: of D(T^V z_0) against D(z_0).
    """

    latent: list[float]
    image: list[float]
    reconstruction: list[float]
    single_step: float
    composition: float
    image_composition: float


@torch.no_grad()
def turning_errors(
    autoencoder: VAE, transformation: Transformation, orbits: Split, device: torch.device
) -> TurningErrors:
    """Measure T on whole orbits."""
    squares: dict[str, Tensor] = {}  # [V], or [1]: summed over the images
    spreads = {name: Spread() for name in ("images", "latents", "made")}
    for views, _ in orbits.batches(64, device=device):
        latents = encoded(autoencoder, views)  # [B, V, d]
        iterates = transformation.iterated(latents[:, 0], latents.shape[1])  # [B, V + 1, d]
        turned = transformation(latents.flatten(0, 1)).view_as(latents)
        made, decoded = decode(autoencoder, latents), decode(autoencoder, iterates)
        pairs = {
            "latent": (iterates[:, 1:-1], latents[:, 1:]),
            "image": (decoded[:, 1:-1], views[:, 1:]),
            "reconstruction": (made[:, 1:], views[:, 1:]),
            "single_step": (decode(autoencoder, turned), views.roll(-1, 1)),
            "composition": (iterates[:, -1:], latents[:, :1]),
            "image_composition": (decoded[:, -1:], made[:, :1]),
        }
        for name, (found, wanted) in pairs.items():
            error = (found - wanted).double().square().flatten(2).sum((0, 2))
            squares[name] = squares.get(name, 0) + error
        for name, values in {"images": views, "latents": latents, "made": made}.items():
            spreads[name].add(values.flatten(0, 1))

    def relative(name: str, to: str) -> Tensor:
        return squares[name] / len(orbits) / spreads[to].variance.clamp_min(1e-12)

    return TurningErrors(
        latent=relative("latent", "latents").sqrt().tolist(),
        image=relative("image", "images").sqrt().tolist(),
        reconstruction=relative("reconstruction", "images").sqrt().tolist(),
        single_step=relative("single_step", "images").mean().sqrt().item(),
        composition=relative("composition", "latents").sqrt().item(),
        image_composition=relative("image_composition", "made").sqrt().item(),
    )


class Spread:
    """The variance of vectors, added up over their components, batch by batch."""

    def __init__(self) -> None:
        self.count = 0
        self.total: Tensor | float = 0.0
        self.squares: Tensor | float = 0.0

    def add(self, values: Tensor) -> None:
        """Take values [N, ...]."""
        values = values.double()
        self.count += len(values)
        self.total = self.total + values.sum(0)
        self.squares = self.squares + values.square().sum(0)

    @property
    def variance(self) -> Tensor:
        """Of all values."""
        mean = torch.as_tensor(self.total) / self.count
        return (torch.as_tensor(self.squares) / self.count - mean.square()).sum()


def encoded(autoencoder: VAE, views: Tensor) -> Tensor:
    """The mean latents [B, V, d] of views [B, V, C, H, W]."""
    return autoencoder.encode(views.flatten(0, 1))[0].unflatten(0, views.shape[:2])


def decode(autoencoder: VAE, latents: Tensor) -> Tensor:
    """The images [B, V, C, H, W] of latents [B, V, d]."""
    return autoencoder.decode(latents.flatten(0, 1)).unflatten(0, latents.shape[:2])
