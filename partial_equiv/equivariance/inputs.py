"""What the meter measures on: images, their transforms, and what is refused."""

from collections.abc import Sequence

import torch
from torch import Tensor

from partial_equiv.equivariance.errors import values
from partial_equiv.equivariance.layouts import Layouts, Transform, move
from partial_equiv.equivariance.nested import mapped, parts
from partial_equiv.equivariance.recording import Inputs, input_layouts
from partial_equiv.refusal import Refusal

__all__ = ["constant", "first", "moved_inputs", "refuse_nothing"]


def moved_inputs(transform: Transform, inputs: Inputs, layouts: Layouts) -> Inputs:
    """T x, of each tensor and feature among the inputs.

    Raises:
        Refusal: if it is not known how T moves one of them.
    """
    lies = iter(input_layouts(inputs, layouts))
    try:
        return mapped(lambda value: move(transform, value, next(lies)), inputs)
    except TypeError as error:
        shapes = " and ".join(str(list(values(value).shape)) for _, value in parts(inputs))
        raise Refusal(
            f"inputs: of shape {shapes}, which no transform moves; images are [B, C, H, W], "
            f"layouts={{'input': …}} says how others lie ({error})"
        ) from error


def refuse_nothing(
    transforms: Sequence[Transform], inputs: Inputs, moved: Sequence[Inputs]
) -> None:
    """Check that there is something to measure on, and with.

    Raises:
        Refusal: if there is not.
    """
    if not transforms:
        raise Refusal("one at least", transforms="[]")
    if len(moved) != len(transforms):
        raise Refusal(f"moved: {len(moved)} for {len(transforms)} transforms")
    x = first(inputs)
    if not x.dim() or len(x) < 2:
        raise Refusal(f"inputs: of shape {list(x.shape)}, two different images at least")
    if x.dim() == 3 and all(torch.equal(first(each), x) for each in moved):
        raise Refusal(
            f"inputs: of shape {list(x.shape)}, which no transform moves; images are [B, C, H, W]"
        )


def first(inputs: Inputs) -> Tensor:
    """The first values among the inputs.

    Raises:
        Refusal: if there are none.
    """
    for _, value in parts(inputs):
        return values(value)
    raise Refusal(f"inputs: no tensor or feature in {type(inputs).__name__}")


def constant(x: Tensor) -> bool:
    """Whether all images have the same values [B, …]."""
    return torch.equal(x, x[:1].expand_as(x))
