r"""Which group elements a layer uses: a grid, shifted or not, of the group or a learned subset.

A layer's elements are exp(θ π u_j) with u_j = (2j + 1)/n - 1 + ε. *Partial* equivariance is a
learned range θ ∈ [0, 1] and, for parts of a group that are reached by no continuous path (the
mirrors), a learned probability to keep them (Romero & Lohit, "Learning Partial Equivariances From
Data", NeurIPS 2022, section 4). The pathwise derivative ∂angle_j/∂θ = π u_j is complete, since the
kernels that read the angles are continuous on the whole group. A full layer runs the same code with
θ fixed at 1.

An optimiser may leave [0, 1]: θ is read as the triangle wave that is θ there, so that the angles
stay within ±π. The loss is even in θ, hence its slope at 0 is 0 and a layer that came to lie there
would never leave: in training, θ counts for at least 0.001.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from partial_equiv.groups import Group
from partial_equiv.intervals import Count, Fraction, Positive
from partial_equiv.refusal import Refusal
from partial_equiv.variational import SubsetEncoder, bernoulli_kl, project, report_kl, uniform_kl

__all__ = ["Sample", "Sampling"]

FLOOR = 1e-3  # of θ in training: 0.18 degrees beside the stationary point


class SampledFeature(Protocol):
    """What a sampling may look at: a feature [B, C, G, H, W], the weights of its elements [S, G]
    and the offset of their grid [S]."""

    @property
    def x(self) -> Tensor: ...

    @property
    def weights(self) -> Tensor | None: ...

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

    Evaluation is deterministic: no shift, and an optional part is kept iff its probability is ≥ ½
    (its elements are then not computed at all). In training, dropped elements are computed with
    weight 0; the weight is a straight-through relaxed Bernoulli draw (Maddison et al. 2017; hard
    forward). Its gradient is that of the expected loss where the loss is linear in the weights, as
    the temperature falls. Beyond that it is an estimate with a bias: for a squared maximum over the
    elements of E(2), .2 to 1.2 of the true slope were measured, and where the true slope is small
    (single elements of D4) even the sign may be wrong.

    Args:
        group: the stabiliser H.
        num_samples: n, elements of a layer; None for all elements of a finite group.
        order: take the group of this order in the group's family (cyclic, dihedral).
        sampling: "deterministic" takes the grid, "random" shifts it by one uniform draw a time.
        scope: who shares the random shift: all layers of the network, one layer, or each element of
            the batch draws its own (keep-decisions are drawn per layer, or per element).
        partial: learn the subset. Adds the parameters `range` (θ, in units of π) if the group has
            rotations and `keep_logits` if it has optional parts.
        subset: what a learned subset belongs to: "layer", or "input" for one that each image
            chooses (see `partial_equiv.variational`), with an encoder in place of those parameters.
        in_channels: of the layer's input, for the encoder.
        initial_range: θ to start from; 0 is refused, because it is a stationary point.
        initial_keep: keep-probability to start from.
        prior_keep: keep-probability that the KL term of subset="input" is counted from.
        temperature: of the relaxation, when training starts; it falls linearly to
        final_temperature: when training ends (see `set_progress`).

    Raises:
        ValueError: if the group has no grid of n elements, if it is trivial and `partial`, if it is
            discrete and `sampling` random, if `initial_range` is not in (0, 1].
    """

    temperature: Tensor
    part: Tensor

    def __init__(
        self,
        group: Group,
        num_samples: Count | None = None,
        *,
        order: Count | None = None,
        sampling: Literal["deterministic", "random"] = "deterministic",
        scope: Literal["network", "layer", "element"] = "layer",
        partial: bool = False,
        subset: Literal["layer", "input"] = "layer",
        in_channels: Count | None = None,
        initial_range: Positive = 1.0,
        initial_keep: Fraction = 0.5,
        prior_keep: Fraction = 0.9,
        temperature: Positive = 0.5,
        final_temperature: Positive = 0.1,
    ) -> None:
        super().__init__()
        group = group if order is None else group.of_order(order)
        num_samples = num_samples or group.size
        if num_samples is None:
            raise Refusal("a continuous group needs a number of samples", num_samples=None)
        group.grid(num_samples)  # raises if there is none
        if partial and not (group.algebra_size or group.optional_parts):
            raise Refusal("the trivial group has no proper subset, use partial=False", partial=True)
        if sampling == "random" and not group.algebra_size:
            raise Refusal(
                "a discrete group has no grid to shift, use sampling=deterministic",
                sampling="random",
            )
        if not 0 < initial_range <= 1:
            raise Refusal("must lie in (0, 1]", initial_range=initial_range)
        self.group, self.num_samples = group, num_samples
        self.sampling, self.scope, self.partial = sampling, scope, partial
        self.prior_keep = prior_keep
        self.initial_temperature, self.final_temperature = temperature, final_temperature
        self.register_buffer("temperature", torch.tensor(float(temperature)), persistent=False)
        self.register_buffer("part", group.part(num_samples), persistent=False)
        self.encoder = None
        if partial and subset == "input":
            if in_channels is None:
                raise Refusal("subset=input needs the channels of its input", in_channels=None)
            num_outputs = group.algebra_size + len(group.optional_parts)
            self.encoder = SubsetEncoder(in_channels, num_outputs)
        per_layer = partial and subset == "layer"
        extent = torch.tensor(float(initial_range if per_layer else 1.0))
        if per_layer and group.algebra_size:
            self.range = nn.Parameter(extent)
        else:
            self.register_buffer("range", extent, persistent=False)
        if per_layer and group.optional_parts:
            keep = torch.full((len(group.optional_parts),), float(initial_keep))
            self.keep_logits = nn.Parameter(keep.logit(eps=1e-6))
        else:
            self.register_parameter("keep_logits", None)

    def sample(self, feature: SampledFeature, generator: torch.Generator | None = None) -> Sample:
        """The elements for this feature; draws from `generator`, else from torch's default."""
        offset = self._offset(feature, generator)
        extent, logits = self._choose(feature)
        extent, shift = torch.broadcast_tensors(extent, offset)
        elements = self.group.subset(self.num_samples, extent, shift)
        if logits is None:
            return Sample(elements, None, offset)
        if self.training:
            return Sample(elements, self._weights(logits, generator), offset)
        keep = torch.cat([torch.ones_like(logits[:, :1]), (logits >= 0).to(logits)], dim=-1)
        weights = keep[:, self.part]
        if self.encoder is not None:  # each image has a subset of its own
            return Sample(elements, weights, offset)
        return Sample(elements[:, weights[0] > 0], None, offset)

    forward = sample

    @property
    def depends_on_input(self) -> bool:
        """Whether the elements depend on the values of the feature."""
        return self.encoder is not None

    @property
    def extent(self) -> Tensor:
        """θ as it counts (scalar, in [0, 1]): `range`, reflected into the interval."""
        return reflect(self.range) if isinstance(self.range, nn.Parameter) else self.range

    def project_(self) -> None:
        """Bring θ back into [0, 1] in place, for after an optimiser's step: reflect it at 0, where
        the loss goes on as its mirror image, and hold it at 1, the whole group, where it does not.
        (A clamp in the forward pass would stop the gradient at the border, a sigmoid would never
        reach it.) Without this call, training comes back from beyond 1 by itself, a step later."""
        with torch.no_grad():
            self.range.abs_().clamp_(max=1)

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
            values[""] = self.extent.item()
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

    def _choose(self, feature: SampledFeature) -> tuple[Tensor, Tensor | None]:
        """The range θ [S] and the keep-logits [S, parts] that this feature gets."""
        if self.encoder is None:
            extent = self.extent
            if self.training and isinstance(self.range, nn.Parameter):
                extent = project(extent, FLOOR)
            if self.keep_logits is None:
                return extent[None], None
            num_draws = self._num_draws(feature) if self.training else 1
            return extent[None], self.keep_logits.expand(num_draws, -1)
        chosen = self.encoder(feature.x, feature.weights)  # [B, algebra_size + parts]
        extent, kl = self.range.expand(len(chosen)), torch.zeros_like(chosen[:, 0])
        if self.group.algebra_size:
            extent = project(chosen[:, 0])
            kl = kl + uniform_kl(extent)
        if not self.group.optional_parts:
            report_kl(kl)
            return extent, None
        logits = chosen[:, self.group.algebra_size :]
        report_kl(kl + bernoulli_kl(logits, self.prior_keep).sum(-1))
        return extent, logits

    def _weights(self, logits: Tensor, generator: torch.Generator | None) -> Tensor:
        uniform = torch.rand(
            logits.shape, generator=generator, dtype=logits.dtype, device=logits.device
        )
        soft = ((logits + uniform.logit(eps=1e-6)) / self.temperature).sigmoid()
        keep = (soft > 0.5).to(soft.dtype) + (soft - soft.detach())  # exactly 0 or 1
        return torch.cat([torch.ones_like(keep[:, :1]), keep], dim=-1)[:, self.part]


def reflect(value: Tensor) -> Tensor:
    """The triangle wave that is the identity on [0, 1], with slope 1 at both ends.

    >>> reflect(torch.tensor([-0.25, 0.5, 1.25])).tolist()
    [0.25, 0.5, 0.75]
    """
    wave = 1 - (value.abs() % 2 - 1).abs()
    return torch.where((value >= 0) & (value <= 1), value, wave)
