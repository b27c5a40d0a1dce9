"""Pictures as they are shown: mirrored or not, then turned, with one interpolation at most."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

__all__ = ["Turn", "posed"]

Turn: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Maps images [N, C, h, h] and degrees [N] to turned images [N, C, H, H] of any size."""


def posed(images: Tensor, degrees: Tensor, mirrored: Tensor, turn: Turn) -> Tensor:
    """Return R(degrees)·M^mirrored of every image [N, C, h, h]; degrees [N] and mirrored [N], bool.

    As R(90°q + r)·M = R(90°q)·M·R(−r), the images are turned by at most 45° first; the mirror and
    the quarter turns then only move pixels.

    >>> from datasets.rotation import rotate
    >>> image = torch.arange(4.0).view(1, 1, 2, 2)
    >>> posed(image, torch.tensor([90.0]), torch.tensor([True]), rotate).round().tolist()
    [[[[0.0, 2.0], [1.0, 3.0]]]]
    """
    quarters = (degrees / 90).round()
    rest = degrees - 90 * quarters
    shown = turn(images, torch.where(mirrored, -rest, rest))
    shown = torch.where(mirrored.view(-1, 1, 1, 1), shown.flip(-1), shown)
    for number in (1, 2, 3):
        chosen = (quarters % 4 == number).nonzero().flatten()
        shown[chosen] = shown[chosen].rot90(number, (-2, -1))
    return shown
