r"""Which group elements a layer uses: a grid over the group or a part of it, shifted or not.

A layer's elements are exp(θ π u_j) with u_j = (2j + 1)/n - 1 + ε. A relaxation says what θ is and
which elements count (see `partial_equiv.relaxations`); without one, the same code runs with θ fixed
at 1.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from partial_equiv.groups import Group
from partial_equiv.intervals import Count
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations import Choice, Relaxation, SampledFeature
from partial_equiv.sampling.shared_draws import shared

__all__ = ["Sample", "Sampling"]


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
    r"""Samples the elements of one layer.

    Evaluation is deterministic: no shift, and elements that do not count are not computed at all.

    Where several processes train on their shares of a batch, they agree on what all images share if
    this happens inside of `shared_draws`.

    Args:
        group: the stabiliser H.
        num_samples: n, elements of a layer; None for all elements of a finite group.
        order: take the group of this order in the group's family (cyclic, dihedral).
        sampling: "deterministic" takes the grid, "random" shifts it by a uniform draw each time.
        scope: who shares a draw of the shift: all layers of the network; all images of a batch in
            one layer; or none, so that each element of the batch has its own. A relaxation draws
            for each layer, or for each element of the batch.

    Raises:
        Refusal: if the group has no grid of n elements, or is discrete and `sampling` random.
    """

    whole: Tensor

    def __init__(
        self,
        group: Group,
        num_samples: Count | None = None,
        *,
        order: Count | None = None,
        sampling: Literal["deterministic", "random"] = "deterministic",
        scope: Literal["network", "layer", "element"] = "layer",
    ) -> None:
        super().__init__()
        group = group if order is None else group.of_order(order)
        num_samples = num_samples or group.size
        if num_samples is None:
            raise Refusal("a continuous group needs a number of samples", num_samples=None)
        group.grid(num_samples)  # raises if there is none
        if sampling == "random" and not group.algebra_size:
            raise Refusal(
                "a discrete group has no grid to shift, use sampling=deterministic",
                sampling="random",
            )
        self.group, self.num_samples = group, num_samples
        self.sampling, self.scope = sampling, scope
        self.register_buffer("whole", torch.ones(1), persistent=False)  # θ of the whole group

    def sample(
        self,
        feature: SampledFeature,
        generator: torch.Generator | None = None,
        relaxation: Relaxation | None = None,
    ) -> Sample:
        """The elements for this feature, drawn from `generator`; None: from that of `shared_draws`
        what all images share, and from torch's default one what each has of its own.

        Args:
            feature: that comes in.
            generator: of the shift, and of what the relaxation draws.
            relaxation: of the layer; None computes the whole group.
        """
        for_all = generator or (None if self.scope == "element" else shared())
        offset, choice = self._offset(feature, for_all), Choice()
        if relaxation is not None:
            drawing = generator if relaxation.depends_on_input else for_all
            choice = relaxation(feature, self._num_draws(feature), drawing)
        extent = self.whole if choice.extent is None else choice.extent
        elements = self.group.subset(self.num_samples, *torch.broadcast_tensors(extent, offset))
        if choice.weights is None:
            return Sample(elements, None, offset)
        if self.training or len(choice.weights) > 1:
            return Sample(elements, choice.weights, offset)
        kept = choice.weights[0] > 0
        elements, weights = elements[:, kept], choice.weights[:, kept]
        return Sample(elements, None if (weights == weights[:, :1]).all() else weights, offset)

    forward = sample

    def extra_repr(self) -> str:
        return (
            f"{type(self.group).__name__}, num_samples={self.num_samples}, "
            f"sampling={self.sampling}, scope={self.scope}"
        )

    def _num_draws(self, feature: SampledFeature) -> int:
        return feature.x.shape[0] if self.scope == "element" else 1

    def _offset(self, feature: SampledFeature, generator: torch.Generator | None) -> Tensor:
        dtype, device = self.whole.dtype, self.whole.device
        if self.sampling == "deterministic" or not self.training:
            return torch.zeros(1, dtype=dtype, device=device)
        if self.scope == "network" and feature.offset is not None:
            return feature.offset
        num_draws = self._num_draws(feature)
        draws = torch.empty(num_draws, dtype=dtype, device=device)
        return 2 * draws.uniform_(generator=generator) - 1
