"""Augmentations: what may come out, each image by its own draw, all from the generator."""

import pytest
import torch

from datasets.augment import RandomCrop, RandomFlip, augmentation
from datasets.randomness import keyed_generator

IMAGES = torch.rand(64, 2, 5, 6, generator=keyed_generator("images"))


def test_a_flip_mirrors_about_half() -> None:
    flipped = RandomFlip()(IMAGES, keyed_generator(0))
    same = (flipped == IMAGES).flatten(1).all(1)
    mirrored = (flipped == IMAGES.flip(-1)).flatten(1).all(1)
    assert (same ^ mirrored).all()
    assert 20 < mirrored.sum() < 44


def test_a_crop_shifts_each_image_its_own_way() -> None:
    shifted = RandomCrop(2)(IMAGES, keyed_generator(0))
    assert shifted.shape == IMAGES.shape
    padded = torch.nn.functional.pad(IMAGES, [2] * 4)
    shifts = set()
    for image, whole in zip(shifted, padded, strict=True):
        found = [
            (row, column)
            for row in range(5)
            for column in range(5)
            if torch.equal(image, whole[:, row : row + 5, column : column + 6])
        ]
        assert len(found) == 1
        shifts.update(found)
    assert len(shifts) > 15
    assert {row for row, _ in shifts} == {column for _, column in shifts} == set(range(5))


def test_the_generator_alone_decides() -> None:
    augment = augmentation(True, 2, 90.0)
    assert augment is not None
    square = IMAGES[..., :5]
    first, again, other = (augment(square, keyed_generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("flip", "crop", "rotation"), [(True, 0, 0), (False, 1, 0), (False, 0, 9)])
def test_each_part_is_optional(flip: bool, crop: int, rotation: float) -> None:
    augment = augmentation(flip, crop, rotation)
    assert augment is not None
    assert len(augment.parts) == 1
    assert augmentation(False, 0, 0.0) is None
