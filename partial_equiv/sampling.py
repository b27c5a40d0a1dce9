r"""Which group elements a layer uses: a grid, a randomly shifted grid, or a learned subset of either.

A layer's elements are exp(θ π u_j) with u_j = (2j + 1)/n - 1 + ε. *Partial* equivariance is a learned
range θ ∈ [0, 1] and, for parts of a group that are reached by no continuous path (the mirrors), a
learned probability to keep them (Romero & Lohit, "Learning Partial Equivariances From Data", NeurIPS
2022, section 4). The pathwise derivative ∂angle_j/∂θ = π u_j is complete, since the kernels that read
the angles are continuous on the whole group. A full layer runs the same code with θ fixed at 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from partial_equiv.groups import Group
from partial_equiv.intervals import Count, Fraction, Positive

__all__ = ["Sample", "Sampling", "learned_subsets", "project_", "samplings", "set_progress"]


class SampledFeature(Protocol):
    """What a sampling may look at: a feature [B, C, G, H, W] and the offset of its own elements."""

    @property
    def x(self) -> Tensor: ...

    @property
    def offset(self) -> Tensor | None: ...


@dataclass(frozen=True)
class Sample:
    """The elements a layer computes.

    Attributes:
        elements: [S, n, d], S = 1 or one draw for each image of the batch.
        weights: [S, n], what each element counts for, or None if all count the same.
        offset: [S], the draw that shifted the grid, for layers that share it; None if unknown.
    """

    elements: Tensor
    weights: Tensor | None
    offset: Tensor | None


class Sampling(nn.Module):
    r"""Samples the elements of one layer; with `partial`, from a subset that it learns.

    Evaluation is deterministic: no shift, and an optional part is kept iff its probability is ≥ ½ (its
    elements are then not computed at all). In training, dropped elements are computed with weight 0;
    the weight is a straight-through relaxed Bernoulli draw (Maddison et al. 2017; hard forward).

    Args:
        group: the stabiliser H.
        num_samples: n, elements of a layer.
        sampling: "deterministic" takes the grid, "random" shifts it by one uniform draw a time.
        scope: who shares the random shift: all layers of the network, one layer, or each element of
            the batch draws its own (keep-decisions are drawn per layer, or per element).
        partial: learn the subset. Adds the parameters `range` (θ, in units of π) if the group has
            rotations and `keep_logits` if it has optional parts.
        initial_range: θ to start from; 0 is refused, because it is a stationary point.
        initial_keep: keep-probability to start from.
        temperature: of the relaxation, when training starts; it falls linearly to
        final_temperature: when training ends (see `set_progress`).

    Raises:
        ValueError: if the group has no grid of n elements, is trivial and partial or random.
    """

    temperature: Tensor
    part: Tensor

    def __init__(
        self,
        group: Group,
        num_samples: Count,
        *,
        sampling: Literal["deterministic", "random"] = "deterministic",
        scope: Literal["network", "layer", "element"] = "layer",
        partial: bool = False,
        initial_range: Positive = 1.0,
        initial_keep: Fraction = 0.5,
        temperature: Positive = 0.5,
        final_temperature: Positive = 0.1,
    ) -> None:
        super().__init__()
        group.grid(num_samples)  # raises if there is none
        if partial and not (group.algebra_size or group.optional_parts):
            raise ValueError(
                "partial=True: the trivial group has no proper subset, use partial=False"
            )
        if sampling == "random" and not group.algebra_size:
            raise ValueError(
                "sampling=random: a discrete group has no grid to shift, use sampling=deterministic"
            )
        if not 0 < initial_range <= 1:
            raise ValueError(f"initial_range={initial_range}: must lie in (0, 1]")
        self.group, self.num_samples = group, num_samples
        self.sampling, self.scope, self.partial = sampling, scope, partial
        self.initial_temperature, self.final_temperature = temperature, final_temperature
        self.register_buffer("temperature", torch.tensor(float(temperature)), persistent=False)
        self.register_buffer("part", group.part(num_samples), persistent=False)
        extent = torch.tensor(float(initial_range if partial else 1.0))
        if partial and group.algebra_size:
            self.range = nn.Parameter(extent)
        else:
            self.register_buffer("range", extent, persistent=False)
        if partial and group.optional_parts:
            keep = torch.full((len(group.optional_parts),), float(initial_keep))
            self.keep_logits = nn.Parameter(keep.logit(eps=1e-6))
        else:
            self.register_parameter("keep_logits", None)

    def sample(self, feature: SampledFeature, generator: torch.Generator | None = None) -> Sample:
        """The elements for this feature; draws from `generator`, else from torch's default."""
        offset = self._offset(feature, generator)
        elements = self.group.subset(self.num_samples, self.range.expand_as(offset), offset)
        if self.keep_logits is None:
            return Sample(elements, None, offset)
        if not self.training:
            return Sample(elements[:, self._kept()], None, offset)
        return Sample(elements, self._weights(feature, generator), offset)

    forward = sample

    def keep_probabilities(self) -> Tensor | None:
        """The probability to keep each optional part, or None if nothing can be dropped."""
        return None if self.keep_logits is None else self.keep_logits.sigmoid()

    def project_(self) -> None:
        """Clamp θ to [0, 1] in place, for after an optimiser's step. (A clamp in the forward pass
        would stop the gradient at the border, a sigmoid would never reach it.)"""
        with torch.no_grad():
            self.range.clamp_(0, 1)

    def set_progress(self, fraction: float) -> None:
        """Set the temperature for a share in [0, 1] of the training."""
        self.temperature.fill_(
            self.initial_temperature
            + fraction * (self.final_temperature - self.initial_temperature)
        )

    def subset(self) -> dict[str, float]:
        """The learned subset in numbers: "" for θ, a part's name for its keep-probability."""
        values = {}
        if isinstance(self.range, nn.Parameter):
            values[""] = self.range.item()
        if self.keep_logits is not None:
            keep = self.keep_logits.detach().sigmoid().tolist()
            values |= dict(zip(self.group.optional_parts, keep, strict=True))
        return values

    def extra_repr(self) -> str:
        return (
            f"{type(self.group).__name__}, num_samples={self.num_samples}, partial={self.partial}, "
            f"sampling={self.sampling}, scope={self.scope}"
        )

    def _num_draws(self, feature: SampledFeature) -> int:
        return feature.x.shape[0] if self.scope == "element" else 1

    def _offset(self, feature: SampledFeature, generator: torch.Generator | None) -> Tensor:
        dtype, device = self.range.dtype, self.range.device
        if self.sampling == "deterministic" or not self.training:
            return torch.zeros(1, dtype=dtype, device=device)
        if self.scope == "network" and feature.offset is not None:
            return feature.offset
        num_draws = self._num_draws(feature)
        return 2 * torch.rand(num_draws, generator=generator, dtype=dtype, device=device) - 1

    def _kept(self) -> Tensor:
        keep = (self.keep_logits >= 0).nonzero()[:, 0] + 1
        return torch.isin(self.part, torch.cat([keep.new_zeros(1), keep])).nonzero()[:, 0]

    def _weights(self, feature: SampledFeature, generator: torch.Generator | None) -> Tensor:
        logits = self.keep_logits.expand(self._num_draws(feature), -1)
        uniform = torch.rand(
            logits.shape, generator=generator, dtype=logits.dtype, device=logits.device
        )
        soft = ((logits + uniform.logit(eps=1e-6)) / self.temperature).sigmoid()
        keep = (soft > 0.5).to(soft.dtype) + (soft - soft.detach())  # exactly 0 or 1
        return torch.cat([torch.ones_like(keep[:, :1]), keep], dim=-1)[:, self.part]


def samplings(model: nn.Module) -> Iterator[tuple[str, Sampling]]:
    """The layers of a model that sample, in order: (the layer's name, its sampling)."""
    for name, module in model.named_modules():
        if isinstance(module, Sampling):
            yield name.removesuffix("sampling").rstrip("."), module


def project_(model: nn.Module) -> None:
    """Project every learned range onto [0, 1], in place; call it after each optimiser step."""
    for _, sampling in samplings(model):
        sampling.project_()


def set_progress(model: nn.Module, fraction: float) -> None:
    """Tell every layer how much of the training is done, in [0, 1]; call it before each step."""
    for _, sampling in samplings(model):
        sampling.set_progress(fraction)


def learned_subsets(model: nn.Module) -> dict[str, float]:
    """Each learned range, by its layer's name, and each keep-probability, as `layer.part`."""
    return {
        ".".join(filter(None, (layer, part))): value
        for layer, sampling in samplings(model)
        for part, value in sampling.subset().items()
    }
