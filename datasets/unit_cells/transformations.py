"""What flips, quarter turns, transposition and shifts of a cell do to its stiffness.

Labels are [..., 6], ordered as `datasets.stiffness.COMPONENTS` are; images end in [H, W]. Each
function moves both, and labels alike whichever way y points. Where the phases are orthotropic, the
stiffness of a moved cell is the moved one for mirrors in the axes, half turns and shifts alone.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from datasets.stiffness import SHEARED, SWAPPED

__all__ = ["RandomSymmetry", "mirrored", "shifted", "transposed", "turned"]


def mirrored(images: Tensor, labels: Tensor, axis: int = -1) -> tuple[Tensor, Tensor]:
    """Mirror left to right (axis −1) or top to bottom (axis −2)."""
    return images.flip(axis), labels * labels.new_tensor(SHEARED)


def transposed(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror in the main diagonal; images are square."""
    return images.mT, labels[..., SWAPPED]


def turned(images: Tensor, labels: Tensor, quarters: int = 1) -> tuple[Tensor, Tensor]:
    """Turn square images by quarters, counter-clockwise as seen."""
    if quarters % 2:
        labels = labels[..., SWAPPED] * labels.new_tensor(SHEARED)
    return images.rot90(quarters, (-2, -1)), labels


def shifted(images: Tensor, labels: Tensor, down: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Shift images [B, C, H, W] along the torus, each by its own numbers of pixels [B]."""
    height, width = images.shape[-2:]
    rows = (torch.arange(height, device=images.device) - down[:, None]) % height  # [B, H]
    columns = (torch.arange(width, device=images.device) - right[:, None]) % width  # [B, W]
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    moved = images.movedim(1, -1)[batch, rows[:, :, None], columns[:, None, :]]  # [B, H, W, C]
    return moved.movedim(-1, 1), labels


@dataclass(frozen=True)
class RandomSymmetry:
    """Augmentation of cells [B, C, H, W] and labels [B, 6], each sample by its own draw.

    `flip` mirrors left to right and top to bottom, `rotation` turns by quarters, `transpose`
    mirrors in the diagonal, `shift` moves by any number of pixels along both axes; every element of
    the group that one of them spans is equally likely.
    """

    flip: bool = False
    rotation: bool = False
    transpose: bool = False
    shift: bool = False

    def __bool__(self) -> bool:
        """Return whether there is anything to do."""
        return self.flip or self.rotation or self.transpose or self.shift

    def __call__(
        self, images: Tensor, labels: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return images and labels of the same shapes."""
        num, device = len(images), images.device

        def draw(choices: int) -> Tensor:
            return torch.randint(choices, (num,), generator=generator).to(device)

        if self.flip:
            for axis in (-1, -2):
                images, labels = _where(
                    draw(2) == 1, mirrored(images, labels, axis), images, labels
                )
        if self.rotation:
            quarters, before = draw(4), (images, labels)
            for k in (1, 2, 3):
                images, labels = _where(quarters == k, turned(*before, k), images, labels)
        if self.transpose:
            images, labels = _where(draw(2) == 1, transposed(images, labels), images, labels)
        if self.shift:
            height, width = images.shape[-2:]
            images, labels = shifted(images, labels, draw(height), draw(width))
        return images, labels


def _where(
    chosen: Tensor, moved: tuple[Tensor, Tensor], images: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Take the moved ones of the samples that are chosen [B]."""
    return (
        torch.where(chosen.view(-1, 1, 1, 1), moved[0], images),
        torch.where(chosen.view(-1, 1), moved[1], labels),
    )
