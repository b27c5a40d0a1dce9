"""Penalties on a model's parameters, to be added to the loss."""

from collections.abc import Callable, Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from partial_equiv.gconv import Convolution
from partial_equiv.relaxations import relaxations_of

__all__ = ["PENALTIES", "kernel_l2", "monotone", "narrow"]


def monotone(model: nn.Module) -> Tensor:
    """Σ_l relu(θ_{l+1} - θ_l) over the learned ranges in the order of the layers (scalar).

    Equivariance that one layer has given up cannot come back in the next: ranges may shrink with
    depth, not grow.
    """
    steps = [torch.relu(later - earlier) for earlier, later in pairwise(ranges(model))]
    return torch.stack(steps).sum() if steps else torch.zeros(())


def narrow(model: nn.Module) -> Tensor:
    """Σ_l (1 - θ_l) over the learned ranges (scalar): of ranges that fit alike, prefer the widest.

    Augerino's regulariser, whose net has one range (Benton et al., NeurIPS 2020, with weight .01).
    """
    missing = [1 - extent for extent in ranges(model)]
    return torch.stack(missing).sum() if missing else torch.zeros(())


def kernel_l2(model: nn.Module) -> Tensor:
    """Σ_l ‖ψ_l‖² (scalar): squared norms of the generated kernels, not of their networks."""
    norms = [module.kernel_norm() for module in model.modules() if isinstance(module, Convolution)]
    return torch.stack(norms).sum() if norms else torch.zeros(())


def ranges(model: nn.Module) -> list[Tensor]:
    """The learned ranges θ_l as they count, in the order of the layers."""
    found = (relaxation.learned_extent for _, relaxation in relaxations_of(model))
    return [extent for extent in found if extent is not None]


PENALTIES: Mapping[str, Callable[[nn.Module], Tensor]] = {
    "monotone": monotone,
    "narrow": narrow,
    "kernel_l2": kernel_l2,
}
"""By the names that `train.penalties` knows them by; every net has them."""
