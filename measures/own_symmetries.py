"""The symmetries that a net is measured by: those of its own group that fit the pixel grid."""

from math import atan2, degrees, pi

import torch
from torch import Tensor, nn

from datasets.spec import DataSpec
from partial_equiv.equivariance import Action, actions
from partial_equiv.groups import SO2, Cyclic, Finite
from partial_equiv.intervals import Several
from partial_equiv.refusal import Refusal
from partial_equiv.sampling import samplings
from tasks import Task

__all__ = [
    *("TOLERANCE", "OnMovedImages", "check_turns", "described", "move_name"),
    *("moves", "own_actions"),
]

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


def moves(model: nn.Module, num_turns: int | None) -> list[Action]:
    """The symmetries of a model, or so many equal steps of a full turn, without the identity."""
    if num_turns is None:
        return own_actions(model)
    return [
        Action(SO2(), torch.tensor([2 * pi * step / num_turns])) for step in range(1, num_turns)
    ]


def check_turns(spec: DataSpec) -> None:
    """Check that the samples are images, which one can turn and mirror.

    Raises:
        Refusal: if they are not.
    """
    if spec.whole_orbits:
        raise Refusal("needs single images: the samples are whole orbits; try dataset.whole=False")
    if max(spec.size) == 1:
        raise Refusal("needs images: a sample of one pixel, such as a latent, does not turn")


def described(matrix: Tensor) -> str:
    """What an element does, by its matrix [2, 2].

    >>> described(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    'turned by 90°'
    """
    return f"{'mirrored, ' if torch.det(matrix) < 0 else ''}turned by {_angle(matrix):g}°"


def move_name(matrix: Tensor) -> str:
    """A short name of what an element does, by its matrix [2, 2]: its angle, and if it mirrors.

    >>> move_name(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    'rot90'
    """
    angle, mirrored = _angle(matrix), torch.det(matrix) < 0
    if mirrored:
        return f"rot{angle:g}_mirror" if angle else "mirror"
    return f"rot{angle:g}"


def _angle(matrix: Tensor) -> float:
    """In degrees, from 0 to 360."""
    return round(degrees(atan2(matrix[0, 1].item(), matrix[1, 1].item())), 1) % 360


class OnMovedImages:
    """What measure=[meter] and probe=[layer_errors] share: the images that errors are measured on,
    and how these are moved.

    Args:
        num_images: that an error is measured on.
        num_turns: equal steps of a full turn, interpolated between the quarter turns; layers whose
            elements an angle does not permute are left out there. None: the net's own symmetries.
    """

    def __init__(self, num_images: Several = 8, num_turns: Several | None = None) -> None:
        self.num_images, self.num_turns = num_images, num_turns

    def check(self, model: nn.Module, spec: DataSpec, task: Task) -> None:
        """Check that this can be measured of the net.

        Raises:
            Refusal: if it is not known how the net's answers move with the image.
        """
        check_turns(spec)
        if spec.num_classes is None:
            raise Refusal(
                "needs a data set with classes: how target vectors move with the image is not known"
            )
