"""Nets as they are initialised, on noise: at which sizes of the input they break, where and why."""

import logging
from collections.abc import Sequence
from math import pi
from typing import Any

import torch
from torch import nn

from datasets.randomness import keyed_generator
from partial_equiv.equivariance import Action, actions, equivariance_error
from partial_equiv.groups import Cyclic, Finite
from partial_equiv.sampling import samplings
from routines.train import Parts

__all__ = ["TOLERANCE", "errors_over_sizes", "own_actions"]

TOLERANCE = torch.finfo(torch.float32).eps ** 0.5

log = logging.getLogger(__name__)


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


def errors_over_sizes(
    name: str, parts: Parts, sizes: Sequence[int], num_images: int
) -> list[dict[str, Any]]:
    """Rows of a table: the errors of a net on noise of each size, what breaks first and why."""
    model, channels, rows = parts.model, parts.spec.in_channels, []
    for size in sizes:
        generator = keyed_generator(size, "noise")
        images = torch.randn(num_images, channels, size, size, generator=generator)
        try:
            report = equivariance_error(model, own_actions(model), images, tolerance=TOLERANCE)
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"routine.sizes={list(sizes)}: {name} on {size} pixels: {error}"
            ) from error
        broken = report.first_break
        log.info(
            "%s, %d pixels: error %.2g%s",
            name,
            size,
            report.relative,
            f", {broken.label} breaks first, {report.reason}" if broken else "",
        )
        rows.append(
            {
                "net": name,
                "size": size,
                "mse": report.mse,
                "l1": report.l1,
                "relative": report.relative,
                "first break": broken.label if broken else "",
                "reason": report.reason,
            }
        )
    return rows
