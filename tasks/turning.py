"""Supervised: a transformation T of latents that does to them what a turn does to the image."""

from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from datasets.orbits import check_images, latent_spec
from datasets.spec import DataSpec
from from_run import FromRun
from models.vae import VAE, drawn
from partial_equiv.intervals import Count
from partial_equiv.refusal import Refusal
from tasks.task import Task

__all__ = ["Turning"]


class Turning(Task):
    """Trains T so that Tᵏ(z_j) fits the view j + k, for k = 1, …, steps; selects by the loss.

    One step starts from every view of an image, several from its first view alone.

    Through the decoder, T is trained on latents drawn as D was trained on, z = μ + σε: what D does
    not look at, T is not told to keep, and with means alone it would run away there, and from
    there, once iterated, in what D looks at as well.

    Args:
        autoencoder: E and D, which stay as they are; z is the mean μ of E(x), drawn or not.
        loss: "image" compares D(Tᵏz) with the view itself, "latent" Tᵏμ with the view's μ, which
            leaves no dimension free (16, 64); the mean of the squared differences.
        steps: how often T is iterated, fewer than there are views.
    """

    def __init__(
        self,
        autoencoder: Annotated[VAE, FromRun()],
        loss: Literal["image", "latent"] = "image",
        steps: Count = 1,
    ) -> None:
        self.autoencoder, self.loss, self.steps = autoencoder, loss, steps

    def check(self, spec: DataSpec) -> None:
        """Check that the data set is one for this task.

        Raises:
            Refusal: unless the samples are whole orbits that the autoencoder can encode.
        """
        if not spec.whole_orbits:
            raise Refusal("the samples are no whole orbits; try dataset=orbits dataset.whole=True")
        if self.steps >= spec.num_views:
            reason = f"an orbit has {spec.num_views} views, so that there are fewer steps than that"
            raise Refusal(reason, steps=self.steps)
        check_images(self.autoencoder, spec)

    def shown(self, spec: DataSpec) -> DataSpec:
        """Return the spec of the latents: they are what T is shown."""
        return latent_spec(self.autoencoder, spec)

    def step(self, model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean loss and {"step<k>"}, the losses that it is the mean of."""
        views = batch[0]  # [B, V, C, H, W]
        autoencoder = self.autoencoder.to(views.device)
        with torch.no_grad():
            mean, log_variance = autoencoder.encode(views.flatten(0, 1))
            blurred = self.loss == "image" and model.training
            starts = drawn(mean, log_variance) if blurred else mean
        latents, starts = (each.unflatten(0, views.shape[:2]) for each in (mean, starts))
        starts = starts.flatten(0, 1) if self.steps == 1 else starts[:, 0]
        errors = {}
        for k in range(1, self.steps + 1):
            starts = model(starts)
            found = autoencoder.decode(starts) if self.loss == "image" else starts
            wanted = (views if self.loss == "image" else latents).roll(-k, 1)
            wanted = wanted.flatten(0, 1) if self.steps == 1 else wanted[:, 0]
            errors[f"step{k}"] = (found - wanted).square().mean()
        return torch.stack(list(errors.values())).mean(), errors
