"""To subsample a torus such that it does not matter where its pixels are counted from.

A. Chaman and I. Dokmanić, "Truly Shift-Invariant Convolutional Neural Networks", CVPR 2021.
"""

import torch
from torch import Tensor, nn

from partial_equiv.gconv import GroupFeature

__all__ = ["StrongestPhase"]

TIE = 1e-5  # relative difference of squared norms; rounding makes less, chance hardly ever


class StrongestPhase(nn.Module):
    """Halves a torus: every second row and column, from those on where an image is strongest.

    Where a symmetry of the image itself swaps two of the four ways, they tie, and to choose would
    break that symmetry: the image is then followed in each of them. Returns the feature of the
    B' ≥ B ways, and which image [B'] each is of.

    >>> x = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(1, 1, 1, 1, 2)
    >>> feature, image = StrongestPhase()(GroupFeature(x, torch.zeros(1, 1, 0)))
    >>> feature.x.tolist(), image.tolist()
    ([[[[[1.0, 1.0]]]], [[[[1.0, 1.0]]]]], [0, 0])
    """

    def forward(self, feature: GroupFeature) -> tuple[GroupFeature, Tensor]:
        x = feature.x.unflatten(-1, (-1, 2)).unflatten(-3, (-1, 2))  # [B, C, G, H/2, 2, W/2, 2]
        weights = feature.broadcast_weights()  # what is dropped does not choose
        seen = x if weights is None else x * weights[..., None, None]
        strength = seen.detach().square().sum((1, 2)).sum((1, 3), dtype=torch.float64).flatten(1)
        weaker = strength < strength.amax(1, keepdim=True) * (1 - TIE)  # no NaN is
        image, phase = (~weaker).nonzero(as_tuple=True)
        x = x[image, :, :, :, phase // 2, :, phase % 2]  # [B', C, G, H/2, W/2]

        def followed(given: Tensor | None) -> Tensor | None:
            return given if given is None or len(given) == 1 else given[image]

        elements = followed(feature.elements)
        assert elements is not None
        weights, offset = followed(feature.weights), followed(feature.offset)
        return GroupFeature(x, elements, weights, offset, feature.group), image
