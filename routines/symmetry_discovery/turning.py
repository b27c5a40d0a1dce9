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
    sums: dict[str, Tensor] = {}
    for views, _ in orbits.batches(64, device=device):
        num_views = views.shape[1]
        latents = encoded(autoencoder, views)
        iterates = transformation.iterated(latents[:, 0], num_views)  # [B, V + 1, d]
        decoded = decode(autoencoder, iterates)
        rebuilt = decode(autoencoder, latents)
        single = decode(autoencoder, transformation(latents.flatten(0, 1))[:, None])[:, 0]
        pairs = {
            "latent": (iterates[:, :-1], latents),
            "image": (decoded[:, :-1], views),
            "reconstruction": (rebuilt, views),
            "single_step": (single, views.roll(-1, 1).flatten(0, 1)),
            "composition": (iterates[:, -1], latents[:, 0]),
            "image_composition": (decoded[:, -1], rebuilt[:, 0]),
        }
        for name, (found, wanted) in pairs.items():
            squares = (found - wanted).double().square()
            keep = 2 if name in ("latent", "image", "reconstruction") else 1
            error = squares.flatten(keep).sum(-1).sum(0)  # [V], or a number
            sums[name] = sums.get(name, 0) + error
        whole = {
            "images": views.flatten(0, 1),
            "latents": latents.flatten(0, 1),
            "made": rebuilt.flatten(0, 1),
        }
        for name, values in whole.items():
            values = values.double()
            sums[f"{name}/sum"] = sums.get(f"{name}/sum", 0) + values.sum(0)
            sums[f"{name}/squares"] = sums.get(f"{name}/squares", 0) + values.square().sum(0)
            count = torch.tensor(len(values), device=device)
            sums[f"{name}/count"] = sums.get(f"{name}/count", 0) + count
    spread = {
        name: (sums[f"{name}/squares"] - sums[f"{name}/sum"].square() / sums[f"{name}/count"]).sum()
        / sums[f"{name}/count"]
        for name in ("images", "latents", "made")
    }
    orbits_seen = sums["images/count"] / len(sums["image"])

    def relative(name: str, to: str, each: Tensor) -> Tensor:
        return (sums[name] / each / spread[to].clamp_min(1e-12)).sqrt()

    return TurningErrors(
        latent=relative("latent", "latents", orbits_seen)[1:].tolist(),
        image=relative("image", "images", orbits_seen)[1:].tolist(),
        reconstruction=relative("reconstruction", "images", orbits_seen)[1:].tolist(),
        single_step=relative("single_step", "images", sums["images/count"]).item(),
        composition=relative("composition", "latents", orbits_seen).item(),
        image_composition=relative("image_composition", "made", orbits_seen).item(),
    )


def encoded(autoencoder: VAE, views: Tensor) -> Tensor:
    """The mean latents [B, V, d] of views [B, V, C, H, W]."""
    return autoencoder.encode(views.flatten(0, 1))[0].unflatten(0, views.shape[:2])


def decode(autoencoder: VAE, latents: Tensor) -> Tensor:
    """The images [B, V, C, H, W] of latents [B, V, d]."""
    return autoencoder.decode(latents.flatten(0, 1)).unflatten(0, latents.shape[:2])
