r"""A variational autoencoder that commutes with rotations: μ(h·x) = ρ(h)μ(x), D(ρ(h)z) = h·D(z).

The latents are pairs, each of a frequency k, that a rotation by θ turns by kθ: ρ = ⊕ ρ_k with
ρ_k(R(θ)) = R(kθ), and mirrors reflect each pair. With x_g what the last group convolution says at
an element g, and M a network,

    encoder   μ_k(x) = mean_g ρ_k(g) W_k x_g,    log σ² = V mean_g x_g, one number a pair
    decoder   F_g = g·M(ρ(g)⁻¹z), a feature on the group; then group convolutions and the mean

It is exact for the elements that the sampled group and the grid of pixels share: quarter turns, if
4 divides the number of rotations.
"""

from collections.abc import Callable, Sequence
from itertools import cycle, islice

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.vae.autoencoder import VAE
from models.vae.convolutional import sizes
from partial_equiv.equivariance import resample
from partial_equiv.gconv import (
    Activation,
    GroupConv,
    GroupFeature,
    GroupPool,
    LiftingConv,
    Norm,
    SpatialPool,
)
from partial_equiv.intervals import Count, Natural
from partial_equiv.refusal import Refusal

__all__ = ["EquivariantVAE", "representation"]


def representation(matrices: Tensor, frequencies: Tensor) -> Tensor:
    """ρ_k(h) [G, P, 2, 2] for elements with matrices [G, 2, 2] and frequencies k [P].

    For h = R(θ)·Mᵐ with the mirror M, ρ_k(h) = R(kθ)·Mᵐ.

    >>> half_turn = -torch.eye(2)[None]
    >>> representation(half_turn, torch.tensor([1, 2])).round()[0, :, 0, 0].tolist()
    [-1.0, 1.0]
    """
    angles = torch.atan2(matrices[:, 0, 1], matrices[:, 1, 1])[:, None] * frequencies  # [G, P]
    cos, sin = angles.cos(), angles.sin()
    turns = torch.stack([cos, sin, -sin, cos], dim=-1).unflatten(-1, (2, 2))  # [G, P, 2, 2]
    signs = torch.linalg.det(matrices).round()
    mirrors = torch.diag_embed(torch.stack([signs, torch.ones_like(signs)], dim=-1))  # [G, 2, 2]
    return turns @ mirrors[:, None]


class EquivariantVAE(VAE):
    """An autoencoder of group convolutions, whose latents turn when the image turns.

    Args:
        in_channels: of the images.
        size: of the images, (H, W) with H = W.
        lifting: makes the lifting convolution from (in_channels, out_channels).
        conv: makes a group convolution from (in_channels, out_channels).
        latent_size: length of the latent vector, an even number.
        hidden_channels: of the lifting layer; the second layer has twice as many.
        frequencies: of the latent pairs, in turn; 0 for what no rotation changes.

    Raises:
        Refusal: for an odd `latent_size`, or images that are not square or too small.
    """

    frequencies: Tensor

    def __init__(
        self,
        in_channels: Count,
        size: tuple[int, int],
        lifting: Callable[..., LiftingConv],
        conv: Callable[..., GroupConv],
        latent_size: Count = 2,
        hidden_channels: Count = 8,
        frequencies: Sequence[Natural] = (1, 2, 0),
    ) -> None:
        if latent_size % 2:
            raise Refusal("latents that turn come in pairs", latent_size=latent_size)
        if size[0] != size[1]:
            raise Refusal("only square images turn", size=size)
        if size[0] < 9:
            raise Refusal("too small to be halved twice, at least 9 is needed", size=size)
        super().__init__()
        self.latent_size = latent_size
        pairs = latent_size // 2
        self.register_buffer(
            "frequencies", torch.tensor(list(islice(cycle(frequencies), pairs))), persistent=False
        )
        self.scales = sizes(size, 2)
        (coarse, _), width = self.scales[-1], 2 * hidden_channels
        lift = lifting(in_channels, hidden_channels)
        self.group, self.num_samples = lift.sampling.group, lift.sampling.num_samples
        self.encoder = nn.Sequential(
            lift,
            *(Norm(hidden_channels), Activation(), SpatialPool("blur")),
            conv(hidden_channels, width),
            *(Norm(width), Activation(), SpatialPool("blur")),
            conv(width, 2 * width, kernel_size=coarse, padding="valid"),  # the whole map: 1 x 1
            *(Norm(2 * width), Activation()),
        )
        self.to_mean = nn.Linear(2 * width, latent_size, bias=False)
        self.to_log_variance = nn.Linear(2 * width, pairs)
        self.canonical = nn.Sequential(
            *(nn.Linear(latent_size, 8 * hidden_channels), nn.ReLU()),
            nn.Linear(8 * hidden_channels, width * coarse**2),
            nn.Unflatten(1, (width, coarse, coarse)),
        )
        self.refine = nn.ModuleList(
            [
                nn.Sequential(Norm(width), Activation()),
                nn.Sequential(conv(width, hidden_channels), Norm(hidden_channels), Activation()),
                nn.Sequential(conv(hidden_channels, in_channels), GroupPool()),
            ]
        )

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        feature: GroupFeature = self.encoder(images)
        x = feature.x[..., 0, 0].transpose(1, 2)  # [B, G, C]
        matrices = self.group.matrix(feature.elements[0])
        turns = representation(matrices, self.frequencies)  # [G, P, 2, 2]
        pairs = self.to_mean(x).unflatten(-1, (-1, 2))  # [B, G, P, 2]
        weights = torch.ones_like(x[:1, :, 0]) if feature.weights is None else feature.weights
        weights = weights / weights.sum(1, keepdim=True)  # [1, G]
        mean = torch.einsum("sg,gpij,bgpj->bpi", weights, turns, pairs)
        log_variance = self.to_log_variance(torch.einsum("sg,bgc->bc", weights, x))  # [B, P]
        return mean.flatten(1), log_variance.repeat_interleave(2, dim=1)

    def decode(self, latents: Tensor) -> Tensor:
        elements = self.group.grid(self.num_samples, latents.dtype, latents.device)  # [G, d]
        matrices = self.group.matrix(elements)
        turns = representation(matrices, self.frequencies)
        pairs = latents.unflatten(1, (-1, 2))
        back = torch.einsum("gpji,bpj->bgpi", turns, pairs).flatten(2)  # ρ(g)⁻¹z, [B, G, d]
        maps = self.canonical(back.flatten(0, 1))  # [B·G, C, h, h]
        maps = resample(matrices.repeat(len(latents), 1, 1), maps)
        x = maps.unflatten(0, back.shape[:2]).transpose(1, 2)  # [B, C, G, h, h]
        feature = self.refine[0](GroupFeature(x, elements[None], group=self.group))
        for layer, size in zip(self.refine[1:], reversed(self.scales[:-1]), strict=True):
            feature = layer(feature.map(lambda x, size=size: _enlarged(x, size)))
        return feature


def _enlarged(x: Tensor, size: tuple[int, int]) -> Tensor:
    """A feature [B, C, G, h, h] at another size, smoothly."""
    maps = functional.interpolate(x.flatten(1, 2), size, mode="bilinear", align_corners=False)
    return maps.unflatten(1, x.shape[1:3])
