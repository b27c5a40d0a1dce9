"""What every penalty promises that draws a net, whichever it is, to a symmetry.

    penalty=[projection,equivariance_error]     adds both to the loss of every batch

A penalty is one file here and one YAML in cfg/penalty. It is told how the answers of the task move
with the images, and keeps no state: what is random comes from the generator that it is handed.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from partial_equiv.groups import Group

__all__ = ["Batch", "Penalty", "Symmetry", "unmoved"]


def unmoved(matrix: Tensor, answers: Tensor) -> Tensor:
    """The answers [B, K] where no symmetry changes them, as with classes."""
    return answers


@dataclass(frozen=True)
class Symmetry:
    """The symmetry of a task: how its answers move when an element h moves the images.

    Attributes:
        group: of the elements h that leave the task as it is, unless others are asked for.
        move: the answers [B, K] that h makes of answers [B, K], linear in these; h is given by its
            matrix [2, 2] on positions.
        only_pixels: whether only what permutes the pixels is a symmetry: quarter turns and mirrors.
    """

    group: Group
    move: Callable[[Tensor, Tensor], Tensor] = unmoved
    only_pixels: bool = False


@dataclass(frozen=True)
class Batch:
    """What a penalty may look at.

    Attributes:
        model: the net as it is being trained, perhaps compiled, on all devices.
        images: [B, C, H, W], as the task showed them to the net.
        answers: that the net gave to them [B, K], with their gradients.
        symmetry: of the task.
        generator: to draw from; the same for a batch however often it is come by.
    """

    model: Callable[[Tensor], Tensor]
    images: Tensor
    answers: Tensor
    symmetry: Symmetry
    generator: torch.Generator


class Penalty(ABC):
    """Adds terms to the loss; its constructor takes plain settings.

    Attributes:
        weights: of the terms, by their names.
        task_weight: what the task's own loss is multiplied with.
    """

    weights: Mapping[str, float]
    task_weight: float = 1.0

    @abstractmethod
    def check(self, model: nn.Module, symmetry: Symmetry | None) -> None:
        """Refuse a net or a task that it cannot serve, before anything is trained.

        Args:
            model: that is to be trained.
            symmetry: of the task; None: it is not known how its answers move.

        Raises:
            Refusal: if it cannot serve them.
        """

    @abstractmethod
    def terms(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """What the loss gets more of: scalars by the names of `weights`, not yet weighted."""

    def numbers(self, model: nn.Module, symmetry: Symmetry) -> dict[str, float]:
        """What is worth a record of every epoch, by flat names."""
        return {}

    def project_(self, model: nn.Module, symmetry: Symmetry) -> None:
        """Bring the net in place after a step of the optimiser, if the penalty does so."""
        return
