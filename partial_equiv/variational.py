r"""Subsets that depend on the input: each image chooses how much of the group a layer keeps.

An encoder reads the layer's input f, averaged over space and group (so that it does not see how the
image is turned), and gives the posterior over elements q(h | f): rotations uniform on [-θ(f)π,
θ(f)π], each optional part kept with probability σ(l(f)). The evidence lower bound adds its
divergence from the whole group, one term a layer and image:

    KL(q ‖ p) = -log θ(f) + Σ_i KL(Bernoulli(σ(l_i(f))) ‖ Bernoulli(p₀)).

Kim et al., "Variational Partial Group Convolutions", ICML 2024 (arXiv 2407.04271).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["SubsetEncoder", "bernoulli_kl", "collected_kl", "project", "report_kl", "uniform_kl"]

FLOOR = 0.01  # a range of 0 would be a stationary point, and infinitely far from the whole group


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


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, value: Tensor, floor: float) -> Tensor:  # noqa: ANN401
        context.save_for_backward(value)
        context.floor = floor
        return value.clamp(floor, 1)

    @staticmethod
    def backward(context: Any, grad: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        (value,) = context.saved_tensors
        outward = ((value > 1) & (grad < 0)) | ((value < context.floor) & (grad > 0))
        return grad.masked_fill(outward, 0), None


def project(value: Tensor, floor: float = FLOOR) -> Tensor:
    """Clamp to [floor, 1] with a projected gradient: outside, only a step back in has a gradient.

    A plain clamp would hold an output that has left the interval outside for ever.
    """
    return _Project.apply(value, floor)


def uniform_kl(extent: Tensor) -> Tensor:
    """KL of U[-θπ, θπ] from U[-π, π]: -log θ, for θ [...] in (0, 1]."""
    return -extent.log()


def bernoulli_kl(logits: Tensor, prior: float) -> Tensor:
    """KL of Bernoulli(σ(logits)) from Bernoulli(prior), elementwise; finite for finite logits."""
    keep, drop = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    prior_logit = torch.as_tensor(prior, dtype=logits.dtype).logit(eps=1e-6).to(logits.device)
    prior_keep, prior_drop = functional.logsigmoid(prior_logit), functional.logsigmoid(-prior_logit)
    return keep.exp() * (keep - prior_keep) + drop.exp() * (drop - prior_drop)


_collected: ContextVar[list[Tensor] | None] = ContextVar("collected_kl", default=None)


@contextmanager
def collected_kl() -> Iterator[list[Tensor]]:
    """Collect the KL term [B] of every layer that is run inside the block, in order.

    >>> with collected_kl() as terms:
    ...     report_kl(torch.tensor([0.5, 1.5]))
    >>> terms
    [tensor([0.5000, 1.5000])]
    """
    terms: list[Tensor] = []
    token = _collected.set(terms)
    try:
        yield terms
    finally:
        _collected.reset(token)


def report_kl(term: Tensor) -> None:
    """Hand a layer's KL term [B] to the innermost `collected_kl` block, if one is open."""
    terms = _collected.get()
    if terms is not None:
        terms.append(term)
