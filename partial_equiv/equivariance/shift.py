"""Translations of periodic images, and of all maps that a net computes from them."""

from dataclasses import dataclass

import torch

from partial_equiv.equivariance.actions import Value
from partial_equiv.gconv import GroupFeature

__all__ = ["Shift"]


@dataclass(frozen=True)
class Shift:
    """Moves images by whole pixels, downwards and to the right; what leaves comes in opposite.

    A map of half the size (after a stride of 2) moves by half as many pixels, the feature of a
    group by as many at every element. Vectors [B, K] (and [B]) are invariant, and so is a map of
    one pixel.

    Exact for nets that treat an image as a torus (padding_mode="circular"); padding with zeros
    breaks it at the border. A net with strides of product s can be exact for shifts by multiples of
    s: others move its maps by parts of a pixel, and those maps are not measured.

    Args:
        rows, columns: pixels to move an image by.
        size: (H, W) of the images, which says how far smaller maps move.

    >>> Shift(0, 2, size=(4, 4))(torch.arange(2.0).expand(1, 1, 2, 2)).tolist()
    [[[[1.0, 0.0], [1.0, 0.0]]]]
    """

    rows: int
    columns: int
    size: tuple[int, int]

    def __call__(self, value: Value) -> Value:
        """The value, moved.

        Raises:
            TypeError: for a tensor that is neither a map [B, C, H, W] nor a vector, or a map that
                would move by a part of a pixel.
        """
        x = value.x if isinstance(value, GroupFeature) else value
        if x.dim() < 3:
            return value
        if not isinstance(value, GroupFeature) and x.dim() != 4:
            raise TypeError(f"it is not known how a shift moves a tensor of shape {list(x.shape)}")
        steps = [self._pixels(axis, x.shape[axis - 2]) for axis in (0, 1)]
        moved = torch.roll(x, steps, (-2, -1))
        return value.map(lambda _: moved) if isinstance(value, GroupFeature) else moved

    def _pixels(self, axis: int, length: int) -> int:
        """How far an axis of a map, 0 for the rows and 1 for the columns, moves."""
        shift, whole = (self.rows, self.columns)[axis], self.size[axis]
        if length == 1 or shift == 0:
            return 0
        stride, left = divmod(whole, length)
        if left or shift % stride:
            raise TypeError(
                f"a shift by {shift} of {whole} pixels is none by whole pixels on a map of {length}"
            )
        return shift // stride
