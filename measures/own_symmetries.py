"""The symmetries that a net is measured by: those of its own group that fit the pixel grid."""

from math import atan2, degrees, pi

import torch
from torch import Tensor, nn

from partial_equiv.equivariance import Action, actions
from partial_equiv.groups import Cyclic, Finite
from partial_equiv.sampling import samplings

__all__ = ["TOLERANCE", "described", "own_actions"]

TOLERANCE = torch.finfo(torch.float32).eps ** 0.5
"""Relative errors up to this one are those of rounding: the net counts as exact."""


def own_actions(model: nn.Module) -> list[Action]:
    """The symmetries that a model has on the pixel grid, without the identity.

    Those of the group of its first layer; if that has none, as in an ordinary net, the quarter
    turns that the net has not.
    """
    group = next((sampling.group for _, sampling in samplings(model)), Cyclic(4))
    if isinstance(group, Finite):
        return actions(group)[1:] or actions(Cyclic(4))[1:]
    parts = [torch.arange(4) * pi / 2] + [torch.arange(2.0)] * (group.element_size - 1)
    elements = torch.cartesian_prod(*parts).reshape(-1, group.element_size)
    return actions(group, elements)[1:]


def described(matrix: Tensor) -> str:
    """What an element does, by its matrix [2, 2].

    >>> described(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    'turned by 90°'
    """
    angle = round(degrees(atan2(matrix[0, 1].item(), matrix[1, 1].item())), 1) % 360
    return f"{'mirrored, ' if torch.det(matrix) < 0 else ''}turned by {angle:g}°"
