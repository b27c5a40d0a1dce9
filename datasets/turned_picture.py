"""One picture against its own quarter turn: what no net that is invariant to it can tell apart.

The picture is a shaded ball, printed in ordered dither: whether a dot is black depends on the
parity of its row and column. Such a texture lies on the pixel grid as a subsampled layer does.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from datasets.dataset import DataSet
from datasets.spec import DataSpec, Splits
from datasets.tensors import TensorSplit
from partial_equiv.intervals import Count

__all__ = ["TurnedPicture", "dithered_ball"]

THRESHOLDS = ((1 / 8, 5 / 8), (7 / 8, 3 / 8))  # Bayer, "An optimum method …", ICC 1973


def dithered_ball(size: int) -> Tensor:
    """A picture [size, size] of zeros and ones: a ball before a grey wall, lit from the upper left.

    >>> print(*("".join(".#"[int(dot)] for dot in row) for row in dithered_ball(6)), sep="\\n")
    #.###.
    .###.#
    #####.
    .#.#..
    #.#...
    .#...#
    """
    places = (torch.arange(size) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(places, places, indexing="ij")
    height = (1 - (x.square() + y.square()) / 0.81).clamp_min(0).sqrt()  # of the ball's surface
    light = torch.where(height > 0, 0.9 * height - 0.5 * (x + y), 0.5)
    tiles = -(-size // 2)
    thresholds = torch.tensor(THRESHOLDS).repeat(tiles, tiles)[:size, :size]
    return (light > thresholds).float()


@dataclass(frozen=True)
class TurnedPicture(DataSet):
    """Two images: class 0 is the picture, class 1 the same turned by 90°, counter-clockwise.

    All splits are these two: what is asked is whether a net *can* learn the difference.

    Attributes:
        size: of the picture, in pixels.
        copies: of both images in a training epoch.
    """

    size: Count = 32
    copies: Count = 100

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation."""
        return DataSpec(
            in_channels=1,
            num_classes=2,
            size=(self.size, self.size),
            mean=(0.5,),
            std=(0.5,),
            class_names=("upright", "turned"),
        )

    def read(self) -> Splits:
        """Make the three splits."""
        picture = dithered_ball(self.size)
        images = torch.stack([picture, picture.rot90()])[:, None]
        classes = torch.arange(2)
        copies = images.repeat(self.copies, 1, 1, 1), classes.repeat(self.copies)
        spec = self.spec
        held = TensorSplit(images, classes, spec)
        return Splits(spec, TensorSplit(*copies, spec), held, held)
