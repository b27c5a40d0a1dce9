"""Mirrored splits: how many images are, which, and that batches can be taken up anywhere."""

import pytest
import torch

from datasets.digits import Digits
from datasets.mirrored import MirroredSplit, mirrored
from datasets.spec import DataSpec, Splits
from datasets.tensors import TensorSplit

NUM = 50
SPEC = DataSpec(1, 2, (1, 2), (0.5,), (0.25,))
# image k is (0, 1), so that what is mirrored can be seen; its target says k
SOURCE = TensorSplit(torch.tensor([[[[0.0, 1.0]]]]).repeat(NUM, 1, 1, 1), torch.arange(NUM), SPEC)


def flips(split: MirroredSplit, **settings: int | None) -> dict[int, bool]:
    """Which sources are mirrored, by their numbers."""
    found: dict[int, bool] = {}
    for images, targets in split.batches(8, **settings):
        assert torch.equal(images.sum(-1), torch.zeros_like(images.sum(-1)))
        found |= dict(zip(targets.tolist(), (images[:, 0, 0, 0] > 0).tolist(), strict=True))
    return found


@pytest.mark.parametrize("seed", [None, 3])
def test_the_probability_is_kept(seed: int | None) -> None:
    assert set(flips(MirroredSplit(SOURCE, 0.0), seed=seed).values()) == {False}
    assert set(flips(MirroredSplit(SOURCE, 1.0), seed=seed).values()) == {True}
    half = flips(MirroredSplit(SOURCE, 0.5), seed=seed)
    assert len(half) == NUM
    assert 15 < sum(half.values()) < 35


def test_an_epoch_draws_afresh_and_repeats_itself() -> None:
    split = MirroredSplit(SOURCE, 0.5)
    first = flips(split, seed=1, epoch=1)
    assert first == flips(split, seed=1, epoch=1)
    assert len({tuple(sorted(flips(split, seed=1, epoch=k).items())) for k in range(4)}) == 4


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("ranks", [1, 3, 4])  # 50 images: the last batch is of two
def test_every_rank_may_begin_at_any_batch(seed: int | None, ranks: int) -> None:
    split = MirroredSplit(SOURCE, 0.5)
    every = flips(split, seed=seed)
    for rank in range(ranks):
        settings = {"seed": seed, "rank": rank, "num_ranks": ranks}
        whole = list(split.batches(4, **settings))
        for index, (images, targets) in enumerate(split.batches(4, start=2, **settings), 2):
            assert torch.equal(images, whole[index][0])
            assert torch.equal(targets, whole[index][1])
        own = flips(split, **settings)
        assert own == {number: every[number] for number in own}


def test_chosen_samples_are_mirrored_as_ever() -> None:
    split = MirroredSplit(SOURCE, 0.5)
    own = flips(split, samples=torch.arange(1, NUM, 3))
    every = flips(split)
    assert own == {number: every[number] for number in range(1, NUM, 3)}


def test_the_test_images_stay_as_they_are() -> None:
    splits = mirrored(Splits(SPEC, SOURCE, SOURCE, SOURCE), 1.0)
    assert splits.test is SOURCE
    assert all(flips(splits.train, seed=0).values())
    assert all(flips(splits.val).values())
    assert (len(splits.train), splits.train.num_batches(8)) == (NUM, 7)


def test_it_is_a_setting_of_data_sets() -> None:
    """What the setting yields is what `mirrored` makes of the data, batch by batch."""
    ours, theirs = Digits(mirror=0.3).splits(), mirrored(Digits().splits(), 0.3)
    for name, seed in (("train", 1), ("val", None), ("test", None)):
        batches = (getattr(each, name).batches(500, seed=seed) for each in (ours, theirs))
        for one, two in zip(*batches, strict=True):
            assert torch.equal(one[0], two[0])
    plain = next(Digits().splits().val.batches(180))[0]
    changed = (next(ours.val.batches(180))[0] != plain).flatten(1).any(1)
    assert 0.15 < changed.float().mean() < 0.45
