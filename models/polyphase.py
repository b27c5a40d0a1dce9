"""Subsampling of a torus that does not depend on where its pixels are counted from.

A. Chaman and I. Dokmanić, "Truly Shift-Invariant Convolutional Neural Networks", CVPR 2021.
"""

import torch
from torch import Tensor, nn

from partial_equiv.gconv import GroupFeature

__all__ = ["StrongestPhase"]

TIE = 1e-5  # relative difference of squared norms, more than rounding makes, less than chance does


class StrongestPhase(nn.Module):
    """Keeps every second row and column of a torus: of the four ways to, the strongest one.

    If a symmetry of the image itself swaps two of the four ways, they are equally strong, and a
    choice would break that symmetry: the image is then followed in both. Returns the feature of
    all B' ≥ B ways that are followed, and the number [B'] of the image that each one is of.

    >>> x = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(1, 1, 1, 1, 2)
    >>> feature, image = StrongestPhase()(GroupFeature(x, torch.zeros(1, 1, 0)))
    >>> feature.x.tolist(), image.tolist()
    ([[[[[1.0, 1.0]]]], [[[[1.0, 1.0]]]]], [0, 0])
    """

    def forward(self, feature: GroupFeature) -> tuple[GroupFeature, Tensor]:
        x = feature.x.unflatten(-1, (-1, 2)).unflatten(-3, (-1, 2))  # [B, C, G, H/2, 2, W/2, 2]
        weights = feature.broadcast_weights()  # elements that do not count have no say
        seen = x if weights is None else x * weights[..., None, None]
        strength = seen.detach().square().sum((1, 2)).sum((1, 3), dtype=torch.float64).flatten(1)
        weaker = strength < strength.amax(1, keepdim=True) * (1 - TIE)  # NaN is not weaker
        image, phase = (~weaker).nonzero(as_tuple=True)
        x = x[image, :, :, :, phase // 2, :, phase % 2]  # [B', C, G, H/2, W/2]

        def followed(given: Tensor | None) -> Tensor | None:
            return given if given is None or len(given) == 1 else given[image]

        elements = followed(feature.elements)
        assert elements is not None
        weights, offset = followed(feature.weights), followed(feature.offset)
        return GroupFeature(x, elements, weights, offset, feature.group), image
