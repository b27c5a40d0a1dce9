"""Double MNIST: the right digits at their places, moved by the group, in one split only."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from datasets.double_mnist import DoubleMNIST, DoubleMNISTGroup, moved
from datasets.spec import Split
from partial_equiv.refusal import Refusal
from tests.datasets.conftest import LABELS, glyphs

GROUPS: dict[DoubleMNISTGroup, int] = {"C1": 1, "C4": 4, "D1": 2, "D4": 8}
SIZES: dict[str, Any] = {"train_size": 400, "val_size": 100, "test_size": 200}
D4 = [
    lambda x, k=k, m=m: (x.flip(-1) if m else x).rot90(k, (-2, -1))
    for m in (0, 1)
    for k in range(4)
]


def pictures(split: Split, data: DoubleMNIST) -> tuple[Tensor, Tensor]:
    """Return the pictures as bytes, and their classes."""
    images, targets = next(split.batches(len(split)))
    return (data.spec.denormalised(images) * 255).round().to(torch.uint8), targets


def digits(images: Tensor) -> Tensor:
    """Return the digits of pictures [N, 1, 56, 56]: left, right, left, … [2N, 1, 28, 28]."""
    assert not images[..., :14, :].any()
    assert not images[..., -14:, :].any()
    return torch.stack(images[..., 14:-14, :].split(28, dim=-1), dim=1).flatten(0, 1)


def recognised(images: Tensor, sources: Tensor) -> tuple[Tensor, Tensor]:
    """Return which source each digit shows, and by which element of D4 it was moved."""
    weights = torch.randint(2**40, (28 * 28,), generator=torch.Generator().manual_seed(0))
    table = torch.stack([(move(sources).long().flatten(1) * weights).sum(-1) for move in D4])
    codes = (images.long().flatten(1) * weights).sum(-1)  # whole numbers: exact, and quick
    found = (table[None] == codes[:, None, None]).nonzero()
    assert torch.equal(found[:, 0], torch.arange(len(images))), "each is one source, moved once"
    return found[:, 2], found[:, 1]


@pytest.mark.parametrize("group", GROUPS)
def test_every_digit_is_a_source_of_its_class_moved_by_the_group(
    mnist_root: Path, group: DoubleMNISTGroup
) -> None:
    data = DoubleMNIST(str(mnist_root), group=group, **SIZES)
    splits, seen = data.splits(), []
    assert data.spec.num_classes == len(data.spec.class_names) == 100
    assert [len(each) for each in (splits.train, splits.val, splits.test)] == [400, 100, 200]
    for split, labels, first in (
        (splits.train, LABELS, 1),
        (splits.val, LABELS, 1),
        (splits.test, LABELS[:20], 101),
    ):
        images, targets = pictures(split, data)
        assert torch.bincount(targets).tolist() == [len(targets) // 100] * 100
        which, elements = recognised(digits(images), glyphs(labels, first).unsqueeze(1))
        assert torch.equal(labels[which], torch.stack([targets // 10, targets % 10], 1).flatten())
        seen.append({*which.tolist()})
        counts = torch.bincount(elements, minlength=8)
        step = 4 if group[0] == "D" and group[1] == "1" else 1
        assert (counts > 0).sum() == counts[: GROUPS[group] * step : step].gt(0).sum()
        if split is splits.train:
            expected = len(elements) / GROUPS[group]
            chi = ((counts[counts > 0] - expected) ** 2 / expected).sum()
            assert (counts > 0).sum() == GROUPS[group]
            assert chi < 24.3, "uniform: beyond that lies one draw in a thousand (seven degrees)"
            left, right = elements[::2], elements[1::2]
            same = (left == right).float().mean().item()
            assert same == pytest.approx(1 / GROUPS[group], abs=0.08), "each on its own"
    assert not seen[0] & seen[1]
    assert len(seen[0] | seen[1]) == 60


@pytest.mark.parametrize("group", ["SO2", "O2"])
def test_angles_are_uniform_and_interpolated_once(
    mnist_root: Path, group: DoubleMNISTGroup
) -> None:
    data = DoubleMNIST(str(mnist_root), group=group, **SIZES)
    angles, mirrored = data._elements("train", 4000)
    steps = angles.sort().values / 360 - torch.arange(4000) / 4000
    assert steps.abs().max() < 0.031, "Kolmogorov and Smirnov: one draw in a thousand"
    share = mirrored.float().mean().item()
    assert share == (0 if group == "SO2" else pytest.approx(0.5, abs=0.026))
    images, _ = pictures(data.splits().train, data)
    assert len(digits(images).unique(dim=0)) == 800, "every digit has its own angle"
    around = digits(images).float().mean((0, 1))
    assert (around - around.rot90(1, (0, 1))).abs().max() < 0.2 * around.max()


def test_quarters_are_exact_and_other_angles_are_near_them() -> None:
    image = glyphs(LABELS[:1]).unsqueeze(1)
    for mirrored in (False, True):
        for quarters in range(-1, 5):
            degrees = 90.0 * quarters + torch.tensor([0.0, 0.01])
            exact, near = moved(image.expand(2, -1, -1, -1), degrees, torch.tensor([mirrored] * 2))
            start = image[0].flip(-1) if mirrored else image[0]
            assert torch.equal(exact, start.rot90(quarters, (-2, -1)))
            assert (exact.int() - near.int()).abs().max() <= 2


def test_the_seed_fixes_everything_and_fewer_are_the_first_of_more(mnist_root: Path) -> None:
    def parts(seed: int, num: int) -> tuple[Tensor, ...]:
        data = DoubleMNIST(
            str(mnist_root),
            group="O2",
            train_size=num,
            val_size=100,
            test_size=100,
            split_seed=seed,
        )
        splits = data.splits()
        return tuple(pictures(each, data)[0] for each in (splits.train, splits.val, splits.test))

    few, again, more, other = parts(0, 130), parts(0, 130), parts(0, 170), parts(1, 130)
    assert all(map(torch.equal, few, again))
    assert torch.equal(few[0], more[0][:130])
    assert torch.equal(few[1], more[1])
    assert not any(map(torch.equal, few, other))


def test_no_source_stands_in_more_pictures_than_it_must(mnist_root: Path) -> None:
    data = DoubleMNIST(str(mnist_root), group="C1", **SIZES)
    images, _ = pictures(data.splits().train, data)
    which, _ = recognised(digits(images), glyphs(LABELS).unsqueeze(1))
    assert torch.bincount(which).unique().tolist() == [0, 16], "800 places for 50 digits"


def test_the_statistics_are_those_of_digits_with_black_beside_them() -> None:
    spec = DoubleMNIST().spec
    generator = torch.Generator().manual_seed(0)
    digit = torch.randn(100_000, generator=generator, dtype=torch.float64) * 0.3081 + 0.1307
    picture = torch.cat([digit, torch.zeros_like(digit)])
    assert spec.mean[0] == pytest.approx(picture.mean().item(), rel=0.02)
    assert spec.std[0] == pytest.approx(picture.std().item(), rel=0.01)


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ({"mirror": 0.5}, "would exchange the two digits"),
        ({"augment_flip": True}, "would exchange the two digits"),
        ({"augment_rotation": 90.0}, "should be less than 90"),
    ],
)
def test_what_exchanges_the_digits_is_refused(setting: dict[str, Any], complaint: str) -> None:
    with pytest.raises(Refusal, match=complaint):
        DoubleMNIST(**setting)
    DoubleMNIST(augment_rotation=15.0)


def test_a_part_without_some_digit_is_refused() -> None:
    images, labels = glyphs(LABELS[:9]).unsqueeze(1), LABELS[:9]
    with pytest.raises(Refusal, match="there is no 9 among the digits of the val part"):
        DoubleMNIST()._pairs("val", images, labels, 100)
