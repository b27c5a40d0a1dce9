"""Poses: the group's action, by pixels where it can, and by one interpolation elsewhere."""

import pytest
import torch
from torch import Tensor

from datasets.poses import posed
from datasets.rotation import rotate

IMAGES = torch.rand(8, 2, 9, 9, generator=torch.Generator().manual_seed(0))


def test_quarter_turns_and_mirrors_move_pixels() -> None:
    turns = torch.tensor([0.0, 90, 180, 270, -90, 360, 450, 540])
    for mirrored in (False, True):
        flags = torch.full((8,), mirrored)
        found = posed(IMAGES, turns, flags, lambda images, degrees: images + 0 * degrees.sum())
        for image, shown, turn in zip(IMAGES, found, turns.tolist(), strict=True):
            first = image.flip(-1) if mirrored else image
            assert torch.equal(shown, first.rot90(round(turn / 90), (-2, -1)))


@pytest.mark.parametrize("mirrored", [False, True])
def test_other_turns_are_interpolated_once(mirrored: bool) -> None:
    degrees = torch.tensor([10.0, 45, 50, 100, 170, 200, 300, -20])
    calls = []

    def turn(images: Tensor, degrees: Tensor) -> Tensor:
        calls.append(degrees)
        return rotate(images, degrees)

    found = posed(IMAGES, degrees, torch.full((8,), mirrored), turn)
    expected = rotate(IMAGES.flip(-1) if mirrored else IMAGES, degrees)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert len(calls) == 1
    assert calls[0].abs().max() <= 45
