"""The frame of an image: its size, and the disc in it that no rotation moves out of sight.

A pixel lies in the inscribed disc of an image of s pixels if its centre is at most (s − 1)/2 from
the image's. Turned by any angle, the disc falls onto itself, and every pixel of it is interpolated
between four pixels of the image: nothing depends on what lies beyond the border.
"""

import torch
from torch import Tensor
from torch.nn import functional

from partial_equiv.groups.pixels import inscribed_disc

__all__ = ["circle_crop", "inscribed_disc", "resized"]


def circle_crop(images: Tensor, background: Tensor | float = 0.0) -> Tensor:
    """Return images [B, C, H, W] with the background in place of what lies outside of the disc.

    The background is a number, or a tensor that broadcasts with the images; 0 is black in images
    that are not normalised yet.
    """
    height, width = images.shape[-2:]
    return torch.where(inscribed_disc((height, width), images.device), images, background)


def resized(images: Tensor, size: int | None) -> Tensor:
    """Return images [N, C, H, W], uint8 or floats, as [N, C, size, size]; None leaves them alone.

    Bilinear about the common centre, and wider where it reduces. They pass in chunks: as floats
    they are four times as large.
    """
    if size is None or images.shape[-2:] == (size, size):
        return images
    whole = images.new_empty(*images.shape[:2], size, size)
    for part, place in zip(images.split(4096), whole.split(4096), strict=True):
        values = functional.interpolate(part.float(), (size, size), mode="bilinear", antialias=True)
        place.copy_(values if images.is_floating_point() else values.round_().clamp_(0, 255))
    return whole
