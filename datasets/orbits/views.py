"""The orbit of an image under the rotations by multiples of 360°/n."""

import torch
from torch import Tensor

from datasets.rotation import rotate

__all__ = ["turned_views"]


def turned_views(images: Tensor, num_views: int) -> Tensor:
    """Turn uint8 images [N, C, H, H] by k·360°/num_views, counter-clockwise, for every k.

    Returns uint8 views [N, num_views, C, H, H]; number 0 is the image itself, and quarter turns
    move pixels without touching them. Every view is made from the image, by one bicubic
    interpolation, so that errors do not add up along the orbit.

    >>> image = torch.tensor([[[[0, 1], [2, 3]]]], dtype=torch.uint8)
    >>> turned_views(image, 4)[0, 1, 0].tolist()
    [[1, 3], [0, 2]]
    """
    source = images.float()
    views = []
    for k in range(num_views):
        if 4 * k % num_views == 0:
            views.append(images.rot90(4 * k // num_views, (-2, -1)))
            continue
        degrees = torch.full((len(images),), 360 * k / num_views)
        turned = rotate(source, degrees, interpolation="bicubic")
        views.append(turned.clamp_(0, 255).round_().to(torch.uint8))  # bicubic curves overshoot
    return torch.stack(views, dim=1)
