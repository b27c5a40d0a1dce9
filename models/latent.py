"""Nets on latents: classifiers, a learned turn, generators of flows, averages over orbits.

A data set of latents has d channels of one pixel: `in_channels` is their size d.
"""

from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from from_run import FromRun
from partial_equiv.intervals import Count
from partial_equiv.refusal import Refusal

__all__ = ["Generators", "LatentClassifier", "OrbitAverage", "Transformation", "latent_mlp"]


def latent_mlp(
    in_size: int, out_size: int, hidden_size: Count = 64, depth: Count = 2
) -> nn.Sequential:
    """A smooth net from [B, ..., in_size], flattened, to [B, out_size]: its gradients are used."""
    layers: list[nn.Module] = [nn.Flatten()]
    for size in [in_size, *[hidden_size] * (depth - 1)]:
        layers += [nn.Linear(size, hidden_size), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(hidden_size, out_size))


class LatentClassifier(nn.Sequential):
    """Class scores [B, num_outputs] of latents [B, d, ...]."""

    def __init__(
        self, in_channels: Count, num_outputs: Count, hidden_size: Count = 64, depth: Count = 2
    ) -> None:
        super().__init__(*latent_mlp(in_channels, num_outputs, hidden_size, depth))
        self.latent_size = in_channels


class Transformation(nn.Module):
    """T(z) = z + f(z) on latents [B, d]: what a turn of the image by one step does to its latent.

    >>> turn = Transformation(2)
    >>> turn.iterated(torch.zeros(3, 2), 11).shape
    torch.Size([3, 12, 2])
    """

    def __init__(self, in_channels: Count, hidden_size: Count = 64, depth: Count = 2) -> None:
        super().__init__()
        self.latent_size = in_channels
        self.change = latent_mlp(in_channels, in_channels, hidden_size, depth)

    def forward(self, latents: Tensor) -> Tensor:
        latents = latents.flatten(1)
        return latents + self.change(latents)

    def iterated(self, latents: Tensor, times: int) -> Tensor:
        """z, T(z), …, Tⁿ(z) of latents [B, d], as [B, times + 1, d]."""
        found = [latents]
        for _ in range(times):
            found.append(self(found[-1]))
        return torch.stack(found, dim=1)


class Generators(nn.Module):
    """Vector fields g_α on the latent space: from latents [B, ..., d], flattened, to [B, A, d].

    g(z) = Az + b + f(z), where A starts antisymmetric, a slow turn of the latent space about its
    origin in a random plane, and f small. What starts from nothing falls into regions that flow in
    opposite directions, with walls between them that training hardly removes.

    Args:
        in_channels: d.
        number: A, at least 1.
    """

    def __init__(
        self,
        in_channels: Count,
        number: Count = 1,
        hidden_size: Count = 64,
        depth: Count = 2,
    ) -> None:
        super().__init__()
        self.shape = (number, in_channels)
        self.linear = nn.Linear(in_channels, number * in_channels)
        self.change = latent_mlp(in_channels, number * in_channels, hidden_size, depth)
        with torch.no_grad():
            start = torch.randn(number, in_channels, in_channels)
            start = start - start.mT
            start = start / start.flatten(1).norm(dim=1)[:, None, None].clamp_min(1e-6)
            self.linear.weight.copy_(start.flatten(0, 1))  # length 1, on average over N(0, 1)
            for parameter in self.change[-1].parameters():
                parameter.mul_(0.1)

    def forward(self, latents: Tensor) -> Tensor:
        latents = latents.flatten(1)
        return (self.linear(latents) + self.change(latents)).unflatten(1, self.shape)


class OrbitAverage(nn.Module):
    r"""Class scores of the mean over a latent's orbit: c(mean_k φ(Tᵏz)), k < num_views.

    If T to the power of num_views is the identity, they are the same for all views of an image.

    Args:
        transformation: T, which is kept as it is.
        num_views: of an orbit.
        in_channels: the size of z.
        num_outputs: scores to give.
        average: "latents" takes φ = 1, the mean latent; "features" learns φ, since what tells
            classes apart may average out (circles around one centre).

    Raises:
        Refusal: if T is one of latents of another size.
    """

    def __init__(
        self,
        transformation: Annotated[Transformation, FromRun()],
        num_views: Count,
        in_channels: Count,
        num_outputs: Count,
        average: Literal["features", "latents"] = "features",
        hidden_size: Count = 64,
    ) -> None:
        if transformation.latent_size != in_channels:
            reason = f"turns latents of size {transformation.latent_size}, not {in_channels}"
            raise Refusal(f"transformation: {reason}")
        super().__init__()
        self.transformation = transformation.requires_grad_(False)
        self.num_views = num_views
        learned = average == "features"
        size = hidden_size if learned else in_channels
        self.features = (
            nn.Sequential(latent_mlp(in_channels, hidden_size, hidden_size, 1), nn.SiLU())
            if learned
            else nn.Flatten()
        )
        self.classes = latent_mlp(size, num_outputs, hidden_size, 1)

    def forward(self, latents: Tensor) -> Tensor:
        with torch.no_grad():
            orbit = self.transformation.iterated(latents.flatten(1), self.num_views - 1)
        features = self.features(orbit.flatten(0, 1)).unflatten(0, orbit.shape[:2])
        return self.classes(features.mean(1))
