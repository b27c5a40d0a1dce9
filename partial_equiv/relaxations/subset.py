r"""What all subsets of a group share: the optional parts, which are kept or dropped.

Evaluation is deterministic: a part is kept iff its probability is ≥ ½. In training, the elements of
a dropped part count 0; the weight is a straight-through relaxed Bernoulli draw (Maddison et al.
2017; hard forward). Its gradient is that of the expected loss where the loss is linear in the
weights, as the temperature falls. Beyond that it is an estimate with a bias: for a squared
maximum over the elements of E(2), .2 to 1.2 of the true slope were measured, and where the true
slope is small (single elements of D4) even the sign may be wrong.
"""

from typing import ClassVar

import torch
from torch import Tensor

from partial_equiv.refusal import Refusal
from partial_equiv.relaxations.relaxation import Layer, Relaxation

__all__ = ["Subset"]


class Subset(Relaxation):
    """A part of the group, with an identity in it, that is all a layer computes.

    Args:
        layer: that it is for.
        temperature: of the relaxed draws, when training starts; it falls linearly to
        final_temperature: when training ends.

    Raises:
        Refusal: for the trivial group.
    """

    chooses = True
    rates: ClassVar = {"range": 1e-2, "keep_logits": 0.1}
    temperature: Tensor
    part: Tensor

    def __init__(self, layer: Layer, temperature: float, final_temperature: float) -> None:
        super().__init__()
        if not (layer.group.algebra_size or layer.group.optional_parts):
            raise Refusal("the trivial group has no proper subset, use partial=False", partial=True)
        self.group = layer.group
        self.initial_temperature, self.final_temperature = temperature, final_temperature
        self.register_buffer("temperature", torch.tensor(float(temperature)), persistent=False)
        self.register_buffer("part", layer.group.part(layer.num_samples), persistent=False)

    def set_progress(self, share: float) -> None:
        """Set the temperature for a share in [0, 1] of the training."""
        self.temperature.fill_(
            self.initial_temperature + share * (self.final_temperature - self.initial_temperature)
        )

    def keep(self, logits: Tensor, generator: torch.Generator | None) -> Tensor:
        """What each element counts for [S, n], with keep-logits [S, parts]: exactly 0 or 1."""
        if self.training:
            uniform = torch.empty_like(logits, memory_format=torch.contiguous_format)
            uniform.uniform_(generator=generator)
            soft = ((logits + uniform.logit(eps=1e-6)) / self.temperature).sigmoid()
            keep = (soft > 0.5).to(soft.dtype) + (soft - soft.detach())
        else:
            keep = (logits >= 0).to(logits)
        return torch.cat([torch.ones_like(keep[:, :1]), keep], dim=-1)[:, self.part]
