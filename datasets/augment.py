"""Augmentation of training batches, on the device, every image by its own draw."""

import torch
from torch import Tensor
from torch.nn import functional

from datasets.batching import Augmentation
from datasets.rotation import RandomRotation

__all__ = ["Chain", "RandomCrop", "RandomFlip", "augmentation"]


class RandomFlip:
    """Mirror every other image left to right, on average."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Map images [B, C, H, W] to images of the same shape."""
        mirrored = torch.rand(len(images), generator=generator) < 0.5
        return torch.where(mirrored.to(images.device).view(-1, 1, 1, 1), images.flip(-1), images)


class RandomCrop:
    """Shift every image by up to `pad` pixels along both axes; what comes in is black."""

    def __init__(self, pad: int) -> None:
        self.pad = pad

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Map images [B, C, H, W] to images of the same shape."""
        num, _, height, width = images.shape
        corners = torch.randint(2 * self.pad + 1, (2, num), generator=generator)
        rows, columns = corners.to(images.device)
        windows = functional.pad(images, [self.pad] * 4).unfold(2, height, 1).unfold(3, width, 1)
        return windows[torch.arange(num, device=images.device), :, rows, columns]


class Chain:
    """Several augmentations, one after another."""

    def __init__(self, *parts: Augmentation) -> None:
        self.parts = parts

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Map images [B, C, H, W] to images of the same shape."""
        for part in self.parts:
            images = part(images, generator)
        return images


def augmentation(flip: bool, crop: int, rotation: float) -> Augmentation | None:
    """Return what the arguments `augment_*` of a data set ask for; None if that is nothing.

    `rotation` is the half range of angles in degrees, `crop` is in pixels; 0 leaves them out.
    """
    parts: list[Augmentation] = []
    if flip:
        parts.append(RandomFlip())
    if rotation:
        parts.append(RandomRotation(rotation))
    if crop:
        parts.append(RandomCrop(crop))
    return Chain(*parts) if parts else None
