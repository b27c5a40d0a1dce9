r"""Partial equivariance: each layer learns which part of the group it keeps, for all inputs alike.

A layer's elements are exp(θ π u_j) with a learned range θ ∈ [0, 1] and, for parts of a group that
are reached by no continuous path (the mirrors), a learned probability to keep them. The pathwise
derivative ∂angle_j/∂θ = π u_j is complete, since the kernels that read the angles are continuous on
the whole group.

An optimiser may leave [0, 1]: θ is read as the triangle wave that is θ there, so that the angles
stay within ±π. The loss is even in θ, hence its slope at 0 is 0 and a layer that came to lie there
would never leave: in training, θ counts for at least 0.001.

Romero & Lohit, "Learning Partial Equivariances From Data", NeurIPS 2022, section 4.
"""

import torch
from torch import Tensor, nn

from partial_equiv.intervals import Fraction, Positive
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations.borders import project, reflect
from partial_equiv.relaxations.relaxation import Choice, Layer, SampledFeature
from partial_equiv.relaxations.subset import Subset

__all__ = ["LearnedSubset"]

FLOOR = 1e-3  # of θ in training: 0.18 degrees beside the stationary point


class LearnedSubset(Subset):
    """The subset of one layer: `range` (θ, in units of π) if the group has rotations, `keep_logits`
    if it has optional parts.

    Args:
        layer: that it is for.
        initial_range: θ to start from; 0 is refused, because it is a stationary point.
        initial_keep: keep-probability to start from.
        temperature: of the relaxed draws, when training starts; it falls linearly to
        final_temperature: when training ends.

    Raises:
        Refusal: for the trivial group, or if `initial_range` is not in (0, 1].
    """

    def __init__(
        self,
        layer: Layer,
        *,
        initial_range: Positive = 1.0,
        initial_keep: Fraction = 0.5,
        temperature: Positive = 0.5,
        final_temperature: Positive = 0.1,
    ) -> None:
        super().__init__(layer, temperature, final_temperature)
        if not 0 < initial_range <= 1:
            raise Refusal("must lie in (0, 1]", initial_range=initial_range)
        rotations, parts = layer.group.algebra_size, layer.group.optional_parts
        self.range = nn.Parameter(torch.tensor(float(initial_range))) if rotations else None
        keep = torch.full((len(parts),), float(initial_keep))
        self.keep_logits = nn.Parameter(keep.logit(eps=1e-6)) if parts else None

    def choose(
        self, feature: SampledFeature, num_draws: int, generator: torch.Generator | None
    ) -> Choice:
        extent, weights = self.learned_extent, None
        if extent is not None:
            extent = (project(extent, FLOOR) if self.training else extent)[None]
        if self.keep_logits is not None:
            logits = self.keep_logits.expand(num_draws if self.training else 1, -1)
            weights = self.keep(logits, generator)
        return Choice(extent, weights)

    @property
    def learned_extent(self) -> Tensor | None:
        """θ as it counts (scalar, in [0, 1]): `range`, reflected into the interval."""
        return None if self.range is None else reflect(self.range)

    def numbers(self) -> dict[str, float]:
        """The range, and the probability of each optional part."""
        extent = self.learned_extent
        values = {} if extent is None else {"range": extent.item()}
        if self.keep_logits is not None:
            keep = self.keep_logits.detach().sigmoid().tolist()
            names = (f"range.{part}" for part in self.group.optional_parts)
            values |= dict(zip(names, keep, strict=True))
        return values

    def project_(self) -> None:
        """Bring θ back into [0, 1] in place: reflect it at 0, where the loss goes on as its mirror
        image, and hold it at 1, the whole group, where it does not. (A clamp in the forward pass
        would stop the gradient at the border, a sigmoid would never reach it.) Without this call,
        training comes back from beyond 1 by itself, a step later."""
        if self.range is not None:
            with torch.no_grad():
                self.range.abs_().clamp_(max=1)
