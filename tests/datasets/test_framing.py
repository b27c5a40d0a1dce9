"""The disc that turns onto itself, and resizing about the centre: both commute with D4."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.turntable import inside_disc
from datasets.digits import Digits
from datasets.files import FileSplit
from datasets.framing import circle_crop, inscribed_disc, resized
from datasets.mnist import MNIST
from datasets.randomness import keyed_generator
from datasets.rotation import rotate
from datasets.spec import DataSpec
from tests.datasets.memory import MemorySource

IMAGES = torch.rand(6, 2, 28, 28, generator=keyed_generator("images"))
quick = settings(deadline=None, max_examples=40)
sides = st.integers(1, 40)


@quick
@given(sides, sides)
def test_the_disc_is_symmetric_and_as_large_as_a_disc(height: int, width: int) -> None:
    disc = inscribed_disc((height, width))
    assert torch.equal(disc, disc.flip(0))
    assert torch.equal(disc, disc.flip(1))
    assert torch.equal(disc, inscribed_disc((width, height)).T)
    diameter = min(height, width) - 1
    boundary = math.pi * diameter + 4  # pixels that the circle may meet
    assert disc.sum().item() == pytest.approx(math.pi / 4 * diameter**2, abs=boundary)


@quick
@given(st.integers(8, 40), st.floats(-180, 180))
def test_nothing_beyond_the_border_is_seen_in_the_disc(size: int, degrees: float) -> None:
    turned = rotate(torch.ones(1, 1, size, size), torch.tensor([degrees]))
    seen = turned[..., inscribed_disc((size, size))]
    torch.testing.assert_close(seen, torch.ones_like(seen), rtol=0, atol=1e-4)


def test_a_crop_keeps_the_disc_and_paints_the_rest() -> None:
    disc = inscribed_disc((28, 28))
    background = torch.tensor([0.25, -1.0]).view(2, 1, 1)
    cropped = circle_crop(IMAGES, background)
    assert torch.equal(cropped[..., disc], IMAGES[..., disc])
    assert torch.equal(cropped[:, 0][:, ~disc], torch.full_like(IMAGES[:, 0][:, ~disc], 0.25))
    assert torch.equal(cropped[:, 1][:, ~disc], torch.full_like(IMAGES[:, 1][:, ~disc], -1.0))
    assert torch.equal(
        circle_crop(IMAGES).rot90(1, (-2, -1)), circle_crop(IMAGES.rot90(1, (-2, -1)))
    )


@quick
@given(st.integers(1, 60), st.integers(0, 3), st.booleans())
def test_resizing_commutes_with_turns_and_mirrors(size: int, turns: int, mirrored: bool) -> None:
    def moved(images: torch.Tensor) -> torch.Tensor:
        return (images.flip(-1) if mirrored else images).rot90(turns, (-2, -1))

    torch.testing.assert_close(resized(moved(IMAGES), size), moved(resized(IMAGES, size)))
    flat = torch.full((1, 1, 28, 28), 77, dtype=torch.uint8)
    assert torch.equal(resized(flat, size), torch.full((1, 1, size, size), 77, dtype=torch.uint8))


def test_resizing_keeps_what_fits() -> None:
    assert resized(IMAGES, 28) is IMAGES
    assert resized(IMAGES, None) is IMAGES
    ramp = torch.arange(28.0).expand(1, 1, 28, 28)
    inner = resized(ramp, 29)[0, 0, 0, 1:-1]
    torch.testing.assert_close(inner, (torch.arange(1, 28) + 0.5) * 28 / 29 - 0.5)


def test_the_crop_comes_after_augmentation() -> None:
    spec = DataSpec(2, 6, (28, 28), mean=(0.5, 0.25), std=(0.5, 2.0), circle_crop=True)
    source, numbers = MemorySource(IMAGES), torch.arange(6)

    def shifted(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return images.roll(5, -1)

    split = FileSplit(source, numbers, numbers, spec, shifted)
    mean, std = (torch.tensor(each).view(2, 1, 1) for each in (spec.mean, spec.std))
    for seed, expected in ((None, IMAGES), (0, IMAGES.roll(5, -1))):
        ((images, targets),) = split.batches(6, seed=seed)
        torch.testing.assert_close(images * std + mean, circle_crop(expected[targets]))


@pytest.mark.parametrize("size", [27, 28, 29])
def test_data_sets_come_in_their_frame(mnist_root: Path, size: int) -> None:
    plain, cropped = (
        MNIST(str(mnist_root), val_size=20, size=size, circle_crop=crop, augment_crop=9)
        for crop in (False, True)
    )
    assert plain.spec.size == (size, size)
    mean, std = plain.spec.mean[0], plain.spec.std[0]
    for part in ("train", "val", "test"):
        whole, disc = (
            next(getattr(each.splits(), part).batches(60, seed=1))[0] * std + mean
            for each in (plain, cropped)
        )
        assert whole.shape[-2:] == (size, size)
        torch.testing.assert_close(disc, circle_crop(whole))
        assert torch.equal(disc, whole) == (part != "train"), "only shifts reach the corners"


def test_the_bundled_digits_can_be_cropped() -> None:
    digits = Digits(size=15, circle_crop=True)
    images, _ = next(digits.splits().test.batches(4))
    outside = images[..., ~inscribed_disc((15, 15))] * digits.spec.std[0] + digits.spec.mean[0]
    torch.testing.assert_close(outside, torch.zeros_like(outside))


@pytest.mark.parametrize("size", [(7, 7), (8, 8), (9, 6)])
def test_figures_have_the_same_disc(size: tuple[int, int]) -> None:
    maps = torch.zeros(3, *size)
    assert torch.equal(inside_disc(maps), inscribed_disc(size))
    smaller = inscribed_disc(size, share=0.5)
    assert (smaller <= inscribed_disc(size)).all()
    assert 0 < smaller.sum() < inscribed_disc(size).sum()
