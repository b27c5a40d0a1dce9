"""Rotation of image batches: exact quarter turns, the sense of turning, ranges, reproducibility."""

import pytest
import torch

from datasets.randomness import keyed_generator
from datasets.rotation import RandomRotation, random_degrees, rotate, turned, turned_once


def blobs(num: int, size: int, *, degrees: float = 0.0) -> torch.Tensor:
    """Return a smooth off-centre blob [num, 1, size, size], turned exactly by moving its centre."""
    axis = (torch.arange(size) + 0.5) * 2 / size - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    angle = torch.deg2rad(torch.tensor(degrees))
    centre_x, centre_y = 0.25 * angle.cos(), -0.25 * angle.sin()  # y runs downwards
    blob = torch.exp(-8 * ((x - centre_x) ** 2 + (y - centre_y) ** 2))
    return blob.expand(num, 1, size, size)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [15, 16])
def test_quarter_turns_are_exact(size: int, interpolation: str) -> None:
    images = torch.rand(4, 2, size, size, generator=keyed_generator(0))
    turned = rotate(images, torch.tensor([0.0, 90, 180, -90]), interpolation=interpolation)
    expected = [images[i].rot90(turns, (-2, -1)) for i, turns in enumerate((0, 1, 2, -1))]
    torch.testing.assert_close(turned, torch.stack(expected), rtol=0, atol=1e-5)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("degrees", [-150.0, -30, 45, 100])
def test_a_smooth_image_turns_counter_clockwise(degrees: float, interpolation: str) -> None:
    turned = rotate(blobs(1, 28), torch.tensor([degrees]), interpolation=interpolation)
    error = (turned - blobs(1, 28, degrees=degrees)).abs().max()
    wrong_way = (turned - blobs(1, 28, degrees=-degrees)).abs().max()
    assert error < 0.025  # bilinear: h² max|f″| / 4 = .02
    assert wrong_way > 0.25


def test_enlarging_keeps_the_content() -> None:
    enlarged = rotate(blobs(1, 8), torch.tensor([30.0]), size=32, interpolation="bicubic")
    assert (enlarged - blobs(1, 32, degrees=30)).abs().max() < 0.05
    framed = rotate(torch.ones(1, 1, 8, 8), torch.zeros(1), size=32, frame=2.0)
    assert framed.mean().item() == pytest.approx(0.25, rel=0.05)
    assert framed[..., 0, :].abs().max() == 0


def test_angles_fill_their_range() -> None:
    angles = random_degrees(2000, 30, keyed_generator(1))
    assert -30 <= angles.min() < -29
    assert 29 < angles.max() <= 30
    assert abs(angles.mean().item()) < 1.5


def test_augmentation_turns_each_image_by_its_own_angle() -> None:
    augment = RandomRotation(180)
    turned = augment(blobs(6, 16), keyed_generator(2))
    assert len(turned.unique(dim=0)) == 6
    assert torch.equal(turned, augment(blobs(6, 16), keyed_generator(2)))


def test_turned_once_depends_on_its_key_alone() -> None:
    images = (255 * blobs(3, 16)).to(torch.uint8)
    first = turned_once(images, 90, 0, "train angles")
    assert first.dtype == torch.uint8
    assert torch.equal(first, turned_once(images, 90, 0, "train angles"))
    assert not torch.equal(first, turned_once(images, 90, 0, "test angles"))
    assert torch.equal(turned_once(images, 0, 0), images)


def test_each_image_is_turned_by_its_own_degrees() -> None:
    images = (255 * blobs(3, 16)).to(torch.uint8)
    expected = torch.stack([images[0], images[1].rot90(1, (-2, -1)), images[2].rot90(2, (-2, -1))])
    assert torch.equal(turned(images, torch.tensor([0.0, 90.0, 180.0])), expected)
