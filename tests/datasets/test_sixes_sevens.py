"""MNIST67-180: counts, orientations, and sources in one split only."""

from pathlib import Path

import torch
from torch import Tensor

from datasets.sixes_sevens import MNISTSixesSevens
from datasets.spec import Split
from tests.datasets.conftest import LABELS, glyphs


def classes(split: Split) -> list[Tensor]:
    """Return the images of each class."""
    images, targets = next(split.batches(len(split)))
    return [images[targets == label] for label in range(3)]


def normalised(labels: Tensor, first: int, digit: int) -> Tensor:
    """Return the upright images of a digit."""
    images = glyphs(labels, first)[labels == digit].unsqueeze(1)
    return (images / 255 - 0.1307) / 0.3081


def among(images: Tensor, others: Tensor) -> Tensor:
    """Return whether each image is one of the others [N]."""
    return torch.stack([(others - image).abs().amax((1, 2, 3)).min() < 1e-5 for image in images])


def test_sixes_count_twice_and_sevens_once(mnist_root: Path) -> None:
    data = MNISTSixesSevens(str(mnist_root), val_size=4)
    splits = data.splits()
    assert data.spec.num_classes == len(data.spec.class_names) == 3
    assert (len(splits.train), len(splits.val), len(splits.test)) == (12, 6, 6)
    for split, first in ((splits.train, 1), (splits.val, 1), (splits.test, 101)):
        labels = LABELS[:20] if split is splits.test else LABELS
        upright, turned, sevens = classes(split)
        assert among(upright, normalised(labels, first, 6)).all()
        assert torch.equal(turned, upright.rot90(2, (2, 3)))
        sources = normalised(labels, first, 7)
        assert (among(sevens, sources) ^ among(sevens.rot90(2, (2, 3)), sources)).all()


def test_half_of_the_sevens_are_turned(mnist_root: Path) -> None:
    splits = MNISTSixesSevens(str(mnist_root), val_size=4).splits()
    sevens = torch.cat([classes(splits.train)[2], classes(splits.val)[2]])
    assert among(sevens, normalised(LABELS, 1, 7)).sum() == 3
    assert among(sevens.rot90(2, (2, 3)), normalised(LABELS, 1, 7)).sum() == 3
    assert among(classes(splits.test)[2], normalised(LABELS[:20], 101, 7)).sum() == 1


def test_no_source_image_is_in_two_splits(mnist_root: Path) -> None:
    splits = MNISTSixesSevens(str(mnist_root), val_size=4).splits()
    sources = torch.cat(
        [part for split in (splits.train, splits.val) for part in classes(split)[::2]]
    )
    assert len(sources) == 12
    assert len(torch.cat([sources, sources.rot90(2, (2, 3))]).unique(dim=0)) == 24


def test_the_split_seed_fixes_everything(mnist_root: Path) -> None:
    def images(seed: int) -> Tensor:
        splits = MNISTSixesSevens(str(mnist_root), val_size=4, split_seed=seed).splits()
        return next(splits.train.batches(12))[0]

    assert torch.equal(images(0), images(0))
    assert not torch.equal(images(0), images(1))


def test_train_size_counts_source_images(mnist_root: Path) -> None:
    splits = MNISTSixesSevens(str(mnist_root), val_size=4, train_size=4).splits()
    assert [len(part) for part in classes(splits.train)] == [2, 2, 2]
