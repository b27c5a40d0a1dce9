r"""Whether a file answers as its net does, and is as equivariant.

Rounding moves answers by a share δ of the largest one at most; errors relative to the spread of the
answers over the images, as those of `equivariance_error` are, may then differ by δ·largest/spread.
"""

import logging
from dataclasses import dataclass
from math import inf
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from config_schema import ConfigError
from constructors import LoadedRun
from export.formats import Answering, images_shape
from measures.own_symmetries import TOLERANCE, OnMovedImages, move_name, own_actions
from partial_equiv.equivariance import equivariance_error
from partial_equiv.gconv import frozen_kernels
from partial_equiv.refusal import Refusal

__all__ = ["Checked", "Images", "check", "images_of"]

log = logging.getLogger(__name__)

NUM = 64
BATCH = 16  # images at once


@dataclass(frozen=True)
class Images:
    """What a file is checked on.

    Attributes:
        values: normalised, [N, C, H, W].
        words: what they are.
    """

    values: Tensor
    words: str


@dataclass(frozen=True)
class Checked:
    """How a file compares with its net.

    Attributes:
        images: what it was checked on, in words.
        difference: the largest one between their answers, relative to the largest answer.
        of_file, of_net: their equivariance errors, relative to the spread of the answers over the
            images, as means over the moves; None: there is no such number.
        moves: the symmetries that these are about; or why there is no number.
    """

    images: str
    difference: float
    of_file: float | None
    of_net: float | None
    moves: str

    @property
    def lines(self) -> tuple[str, str]:
        """The figures in words."""
        answers = f"differ from the net's by {self.difference:.1g} of the largest one at most"
        errors = f"not measured, {self.moves}"
        if self.of_net is not None:
            errors = (
                f"{self.of_file:.3g} of the file, {self.of_net:.3g} of the net, as a mean over "
            )
            errors += self.moves
        return f"answers: {answers}, on {self.images}", f"equivariance error: {errors}"


def images_of(run: LoadedRun) -> Images:
    """Test images of a run, 64 if it has as many; random ones if the data are not at hand.

    Nothing is downloaded: the run may be a stranger's.
    """
    shape = images_shape(run)
    try:
        values = _test_images(run)
        if values.shape[1:] == shape and len(values) > 1:
            return Images(values, f"{len(values)} test images")
        reason = "the net is shown what another one makes of its data"
    except (ConfigError, Refusal, OSError) as error:
        log.info("checked on random images: %s", error)  # it names places of this machine
        reason = "the data are not at hand"
    values = torch.randn(NUM, *shape, generator=torch.Generator().manual_seed(0))
    return Images(values, f"{NUM} random images of the data's mean and deviation ({reason})")


def _test_images(run: LoadedRun) -> Tensor:
    """Test images, drawn once and for all."""
    split = run.splits_at_hand().test
    images, _ = next(split.batches(min(NUM, len(split)), seed=0))
    return images


@torch.no_grad()
def check(answering: Answering, run: LoadedRun, images: Images) -> Checked:
    """Compare a file with its net.

    Raises:
        Refusal: if it answers otherwise, or is not as equivariant.
    """
    x = images.values
    with frozen_kernels(run.model):
        wanted, found = _answers(run.model, x), _answers(answering, x)
        if [each.shape for each in wanted] != [each.shape for each in found]:
            raise Refusal("it gives answers of other shapes than the net")
        largest = max(each.abs().max().item() for each in wanted)
        apart = max((a - b).abs().max().item() for a, b in zip(wanted, found, strict=True))
        difference = apart / largest if apart else 0.0
        if not difference <= TOLERANCE:
            raise Refusal(
                f"it answers otherwise than the net, by {difference:.2g} of the largest answer"
            )
        try:
            OnMovedImages().check(run.model, run.build.shown, run.build.task)
            of_net = _error(run.model, run, x)
        except Refusal as error:
            return Checked(images.words, difference, None, None, str(error))
        of_file = _error(answering, run, x)
    spread = (wanted[0] - wanted[0].mean(0)).square().mean().sqrt().item()
    if not abs(of_file - of_net) <= TOLERANCE * max(1, largest / spread):
        raise Refusal(f"its equivariance error is {of_file:.3g}, and that of the net {of_net:.3g}")
    actions = own_actions(run.model)
    moves = ", ".join(move_name(each.group.matrix(each.element)) for each in actions)
    return Checked(images.words, difference, of_file, of_net, moves)


def _error(net: Answering, run: LoadedRun, x: Tensor) -> float:
    """The relative equivariance error of what a net answers, as a mean over its own moves."""

    def answer(moved: Tensor) -> Any:  # noqa: ANN401
        found = _answers(net, moved)
        return found[0] if len(found) == 1 else tuple(found)

    return equivariance_error(answer, own_actions(run.model), x, tolerance=inf).relative


def _answers(net: Answering, images: Tensor) -> list[Tensor]:
    """All tensors that a net gives for images [N, C, H, W], in whatever they lie."""
    parts = [tree_leaves(net(each)) for each in images.split(BATCH)]
    return [torch.cat(each) for each in zip(*parts, strict=True)]
