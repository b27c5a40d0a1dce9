"""Images on a turntable: mirrored, turned by an angle, and seen through a disc at every angle.

The disc is what an image and its turned copies have in common; without it the empty corners of a
turned photograph would tell a net that it has been turned.
"""

from math import pi

import torch
from torch import Tensor

from datasets.framing import circle_crop, inscribed_disc
from datasets.spec import DataSpec
from partial_equiv.equivariance import act_on_images
from partial_equiv.groups import O2

__all__ = ["inside_disc", "turn_back", "turned"]


def turned(images: Tensor, spec: DataSpec, degrees: float, *, mirrored: bool = False) -> Tensor:
    """Normalised images [B, C, H, W], mirrored left-right if asked and turned counter-clockwise.

    Quarter turns are exact, and swap the sides of a rectangle. Outside of the disc lies 0, before
    the normalisation.
    """
    plain = _move(spec.denormalised(images), degrees, mirrored).clamp(0, 1)
    return spec.normalised(circle_crop(plain))


def turn_back(maps: Tensor, degrees: float) -> Tensor:
    """Maps [..., H, W] turned clockwise."""
    return _move(maps, -degrees)


def inside_disc(maps: Tensor, share: float = 1.0) -> Tensor:
    """Which pixels [H, W] of maps [..., H, W] lie in a share of the inscribed disc's radius."""
    height, width = maps.shape[-2:]
    return inscribed_disc((height, width), maps.device, share)


def _move(images: Tensor, degrees: float, mirrored: bool = False) -> Tensor:
    """Bicubic between the quarter turns: bilinear values are so blurred that a net would notice."""
    element = torch.tensor([degrees * pi / 180, float(mirrored)], dtype=torch.float64)
    matrix = O2().matrix(element).to(images)
    return act_on_images(matrix, images, interpolation="bicubic")
