"""Nets on latents: classifiers, a learned turn, generators of flows, averages over orbits."""

from typing import Literal

import torch
from torch import Tensor, nn

from partial_equiv.intervals import Count

__all__ = ["Generators", "OrbitAverage", "Transformation", "latent_mlp"]


def latent_mlp(
    in_size: int, out_size: int, hidden_size: Count = 64, depth: Count = 2
) -> nn.Sequential:
    """A smooth net from [B, ..., in_size], flattened, to [B, out_size]: its gradients are used."""
    layers: list[nn.Module] = [nn.Flatten()]
    for size in [in_size, *[hidden_size] * (depth - 1)]:
        layers += [nn.Linear(size, hidden_size), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(hidden_size, out_size))


class Transformation(nn.Module):
    """T(z) = z + f(z) on latents [B, d]: what a turn of the image by one step does to its latent.

    >>> turn = Transformation(2)
    >>> turn.iterated(torch.zeros(3, 2), 11).shape
    torch.Size([3, 12, 2])
    """

    def __init__(self, latent_size: Count, hidden_size: Count = 64, depth: Count = 2) -> None:
        super().__init__()
        self.change = latent_mlp(latent_size, latent_size, hidden_size, depth)

    def forward(self, latents: Tensor) -> Tensor:
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
        latent_size: d.
        number: A.
    """

    def __init__(
        self,
        latent_size: Count,
        number: Count = 1,
        hidden_size: Count = 64,
        depth: Count = 2,
    ) -> None:
        super().__init__()
        self.shape = (number, latent_size)
        self.linear = nn.Linear(latent_size, number * latent_size)
        self.change = latent_mlp(latent_size, number * latent_size, hidden_size, depth)
        with torch.no_grad():
            start = torch.randn(number, latent_size, latent_size)
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
        latent_size: of z.
        num_classes: scores to give.
        average: "latents" takes φ = 1, the mean latent; "features" learns φ, since what tells
            classes apart may average out (circles around one centre).
    """

    def __init__(
        self,
        transformation: Transformation,
        num_views: Count,
        latent_size: Count,
        num_classes: Count,
        average: Literal["features", "latents"] = "features",
        hidden_size: Count = 64,
    ) -> None:
        super().__init__()
        self.transformation = transformation.requires_grad_(False)
        self.num_views = num_views
        learned = average == "features"
        size = hidden_size if learned else latent_size
        self.features = (
            nn.Sequential(latent_mlp(latent_size, hidden_size, hidden_size, 1), nn.SiLU())
            if learned
            else nn.Flatten()
        )
        self.classes = latent_mlp(size, num_classes, hidden_size, 1)

    def forward(self, latents: Tensor) -> Tensor:
        with torch.no_grad():
            orbit = self.transformation.iterated(latents.flatten(1), self.num_views - 1)
        features = self.features(orbit.flatten(0, 1)).unflatten(0, orbit.shape[:2])
        return self.classes(features.mean(1))
