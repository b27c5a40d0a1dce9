"""The bundled digits: counts, disjoint sources, balance, angles, normalisation."""

import pytest
import torch

from datasets.digits import Digits, read_digits
from datasets.spec import Splits


def splits(**arguments: float) -> Splits:
    """Return the splits of upright digits unless told otherwise."""
    return Digits(**{"rotation": 0.0, **arguments}).splits()


def test_the_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    images, labels = read_digits()
    bundle = load_digits()
    assert torch.equal(images[:, 0] * 16, torch.from_numpy(bundle.images).float())
    assert torch.equal(labels, torch.from_numpy(bundle.target))


def test_the_spec_tells_what_the_splits_hold() -> None:
    digits = Digits()
    parts = digits.splits()
    assert (len(parts.train), len(parts.val), len(parts.test)) == (1257, 180, 360)
    images, targets = next(parts.train.batches(1257, seed=0))
    assert images.shape[1:] == (digits.spec.in_channels, *digits.spec.size) == (1, 16, 16)
    assert sorted(targets.unique().tolist()) == list(range(digits.spec.num_classes))
    assert images.mean().abs() < 0.05
    assert abs(images.std() - 1) < 0.05


def test_no_source_image_is_in_two_splits() -> None:
    parts = splits()
    images = [next(part.batches(2000))[0] for part in (parts.train, parts.val, parts.test)]
    assert len(torch.cat(images).unique(dim=0)) == 1797


def test_held_out_classes_are_balanced() -> None:
    parts = splits(test_size=200, train_size=100)
    for part, total in ((parts.train, 100), (parts.val, 180), (parts.test, 200)):
        counts = torch.bincount(next(part.batches(2000))[1])
        assert counts.sum() == total
        assert counts.max() - counts.min() <= 2


@pytest.mark.parametrize("seed", [0, 1])
def test_splits_and_angles_follow_the_split_seed(seed: int) -> None:
    first, again, other = (
        next(splits(rotation=180.0, split_seed=s).test.batches(360)) for s in (seed, seed, seed + 1)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_rotation_turns_the_upright_image() -> None:
    upright, turned = (next(splits(rotation=r).val.batches(180)) for r in (0.0, 180.0))
    assert torch.equal(upright[1], turned[1])
    changes = (upright[0] - turned[0]).square().mean(dim=(1, 2, 3))
    assert (changes > 0.01).float().mean() > 0.9
    # A turn moves the strokes but keeps their amount: hardly anything is cut off.
    before, after = ((part[0] * 0.334 + 0.24).mean(dim=(1, 2, 3)) for part in (upright, turned))
    assert (after / before - 1).abs().mean() < 0.01


def test_augmentation_touches_training_alone() -> None:
    plain, augmented = splits(), splits(augment_rotation=90.0)
    for name in ("val", "test"):
        one, two = (next(getattr(part, name).batches(9, seed=0))[0] for part in (plain, augmented))
        assert torch.equal(one, two)
    one, two = (next(part.train.batches(9, seed=0))[0] for part in (plain, augmented))
    assert not torch.equal(one, two)


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot hold out 1797 of 1797"):
        splits(test_size=1797)
