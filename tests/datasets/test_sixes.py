"""Sixes against their copies: exact copies, both versions in one split, sources in one only."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from datasets.sixes import DigitsSixes, MNISTSixes
from datasets.spec import Split, Splits
from tests.datasets.conftest import LABELS, glyphs


def classes(split: Split) -> tuple[Tensor, Tensor]:
    """Return the images of class 0 and of class 1."""
    images, targets = next(split.batches(len(split)))
    return images[targets == 0], images[targets == 1]


def check(splits: Splits, copies: str, sources: int) -> None:
    """Check the copies and that no source image is shared by two splits."""
    originals = []
    for split in (splits.train, splits.val, splits.test):
        first, second = classes(split)
        assert torch.equal(second, first.flip((-2, -1) if copies == "turned" else -1))
        assert not torch.equal(second, first)
        originals.append(first)
    assert len(torch.cat(originals).unique(dim=0)) == sources


@pytest.mark.parametrize("copies", ["turned", "mirrored"])
def test_digits_sixes(copies: str) -> None:
    sixes = DigitsSixes(copies=copies)
    splits = sixes.splits()
    assert sixes.spec.num_classes == len(sixes.spec.class_names) == 2
    assert (len(splits.train), len(splits.val), len(splits.test)) == (202, 60, 100)
    check(splits, copies, sources=181)
    assert classes(splits.train)[0].shape[1:] == (1, *sixes.spec.size)


def test_class_0_is_upright() -> None:
    # The closed bowl of an upright six lies below: more ink in the lower half.
    first, second = classes(DigitsSixes().splits().train)
    upper, lower = first.mean(0)[0].tensor_split(2)
    assert lower.mean() > upper.mean() + 0.2
    assert second.mean(0)[0].tensor_split(2)[0].mean() > upper.mean() + 0.2


@pytest.mark.parametrize("rotation", [0.0, 40.0])
@pytest.mark.parametrize("copies", ["turned", "mirrored"])
def test_mnist_sixes(mnist_root: Path, copies: str, rotation: float) -> None:
    splits = MNISTSixes(str(mnist_root), copies=copies, rotation=rotation, val_size=2).splits()
    assert (len(splits.train), len(splits.val), len(splits.test)) == (8, 4, 4)
    check(splits, copies, sources=8)
    upright = (glyphs(LABELS)[LABELS == 6].unsqueeze(1) / 255 - 0.1307) / 0.3081
    first = torch.cat([classes(split)[0] for split in (splits.train, splits.val)])
    found = [(first - image).abs().amax(dim=(1, 2, 3)).min() < 1e-5 for image in upright]
    assert all(found) if rotation == 0 else not any(found)


def test_the_split_seed_fixes_everything(mnist_root: Path) -> None:
    def train(seed: int) -> Tensor:
        arguments = {"rotation": 90.0, "val_size": 2, "split_seed": seed}
        return next(MNISTSixes(str(mnist_root), **arguments).splits().train.batches(8))[0]

    assert torch.equal(train(0), train(0))
    assert not torch.equal(train(0), train(1))


def test_train_size_counts_source_images() -> None:
    splits = DigitsSixes(train_size=20).splits()
    assert [len(part) for part in (splits.train, splits.val, splits.test)] == [40, 60, 100]
