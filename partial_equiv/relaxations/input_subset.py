r"""Subsets that depend on the input: each image chooses how much of the group a layer keeps.

An encoder reads the layer's input f, averaged over space and group (so that it does not see how the
image is turned), and gives the posterior over elements q(h | f): rotations uniform on [-θ(f)π,
θ(f)π], each optional part kept with probability σ(l(f)). The evidence lower bound adds its
divergence from the whole group, one term a layer and image:

    KL(q ‖ p) = -log θ(f) + Σ_i KL(Bernoulli(σ(l_i(f))) ‖ Bernoulli(p₀)).

Kim et al., "Variational Partial Group Convolutions", ICML 2024 (arXiv 2407.04271).
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from partial_equiv.intervals import Fraction, Positive
from partial_equiv.relaxations.borders import project
from partial_equiv.relaxations.relaxation import Choice, Layer, SampledFeature
from partial_equiv.relaxations.subset import Subset

__all__ = ["InputSubset", "SubsetEncoder", "bernoulli_kl", "uniform_kl"]

FLOOR = 0.01  # a range of 0 would be a stationary point, and infinitely far from the whole group


class InputSubset(Subset):
    """The subset that each image chooses for one layer, by an encoder of the layer's input.

    `rates` are those of a learned subset, whose parameters this one has not: its encoder learns as
    all weights do.

    Args:
        layer: that it is for.
        prior_keep: keep-probability p₀ that the term "kl" is counted from.
        temperature: of the relaxed draws, when training starts; it falls linearly to
        final_temperature: when training ends.

    Raises:
        Refusal: for the trivial group.
    """

    depends_on_input = True
    penalties: ClassVar = {"kl": 1e-3}

    def __init__(
        self,
        layer: Layer,
        *,
        prior_keep: Fraction = 0.9,
        temperature: Positive = 0.5,
        final_temperature: Positive = 0.1,
    ) -> None:
        super().__init__(layer, temperature, final_temperature)
        self.prior_keep = prior_keep
        num_outputs = layer.group.algebra_size + len(layer.group.optional_parts)
        self.encoder = SubsetEncoder(layer.in_channels, num_outputs)

    def choose(
        self, feature: SampledFeature, num_draws: int, generator: torch.Generator | None
    ) -> Choice:
        chosen = self.encoder(feature.x, feature.weights)  # [B, algebra_size + parts]
        extent, weights, kl = None, None, torch.zeros_like(chosen[:, 0])
        if self.group.algebra_size:
            extent = project(chosen[:, 0], FLOOR)
            kl = kl + uniform_kl(extent)
        if self.group.optional_parts:
            logits = chosen[:, self.group.algebra_size :]
            kl = kl + bernoulli_kl(logits, self.prior_keep).sum(-1)
            weights = self.keep(logits, generator)
        return Choice(extent, weights, {"kl": kl})


class SubsetEncoder(nn.Sequential):
    """From a layer's input [B, C, G, H, W] to numbers [B, num_outputs], 1 at the start.

    Linear C → 2C, LeakyReLU .1, Linear 2C → num_outputs with weight 0 and bias 1, the same for
    every image: training starts from all rotations (θ = 1) and keeps each optional part with
    probability σ(1) = .73, more often than not, so that evaluation starts from the whole group.
    """

    def __init__(self, in_channels: int, num_outputs: int) -> None:
        last = nn.Linear(2 * in_channels, num_outputs)
        nn.init.zeros_(last.weight)
        nn.init.ones_(last.bias)
        super().__init__(nn.Linear(in_channels, 2 * in_channels), nn.LeakyReLU(0.1), last)

    def forward(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """Encode x, whose elements count with `weights` [S, G] (None: all the same)."""
        maps = x.flatten(3).mean(-1)  # [B, C, G]
        if weights is None:
            channels = maps.mean(-1)
        else:
            channels = (maps * weights[:, None]).sum(-1) / weights.sum(-1)[:, None]
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(channels.to(next(self.parameters()).dtype))


def uniform_kl(extent: Tensor) -> Tensor:
    """KL of U[-θπ, θπ] from U[-π, π]: -log θ, for θ [...] in (0, 1]."""
    return -extent.log()


def bernoulli_kl(logits: Tensor, prior: float) -> Tensor:
    """KL of Bernoulli(σ(logits)) from Bernoulli(prior), elementwise; finite for finite logits."""
    keep, drop = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    prior_logit = torch.as_tensor(prior, dtype=logits.dtype).logit(eps=1e-6).to(logits.device)
    prior_keep, prior_drop = functional.logsigmoid(prior_logit), functional.logsigmoid(-prior_logit)
    return keep.exp() * (keep - prior_keep) + drop.exp() * (drop - prior_drop)
