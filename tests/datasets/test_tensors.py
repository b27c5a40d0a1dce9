"""Batches of a split: exact continuation, even shares, one pass over everything, normalisation."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from datasets.spec import DataSpec
from datasets.tensors import TensorSplit

SPEC = DataSpec(in_channels=2, num_classes=100, size=(3, 4), mean=(0.5, 0.25), std=(0.5, 2.0))


def numbered(num: int, *, augmented: bool = False) -> TensorSplit:
    """Return a split whose targets number the samples."""

    def noise(images: Tensor, generator: torch.Generator) -> Tensor:
        return images + torch.rand(images.shape, generator=generator)

    images = torch.arange(num).view(-1, 1, 1, 1).expand(-1, 2, 3, 4).to(torch.uint8)
    return TensorSplit(images, torch.arange(num), SPEC, noise if augmented else None)


def same(left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> bool:
    """Return whether two batches are equal bit for bit."""
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


quick = settings(deadline=None, max_examples=60)
sizes = st.integers(1, 40)
batch_sizes = st.integers(1, 12)
seeds = st.integers(0, 2**32)
ranks = st.integers(1, 4)


@quick
@given(sizes, batch_sizes, seeds, st.integers(0, 9), st.integers(0, 45), ranks)
def test_start_continues_exactly(
    num: int, batch_size: int, seed: int, epoch: int, start: int, num_ranks: int
) -> None:
    split = numbered(num, augmented=True)
    for rank in range(num_ranks):
        place = {"seed": seed, "epoch": epoch, "rank": rank, "num_ranks": num_ranks}
        whole = list(split.batches(batch_size, **place))
        rest = list(split.batches(batch_size, start=start, **place))
        assert len(rest) == max(0, len(whole) - start)
        assert all(same(*pair) for pair in zip(whole[start:], rest, strict=True))


@quick
@given(sizes, batch_sizes, st.one_of(st.none(), seeds), ranks)
def test_ranks_share_an_epoch(num: int, batch_size: int, seed: int | None, num_ranks: int) -> None:
    split = numbered(num)
    shares = [
        [
            targets
            for _, targets in split.batches(batch_size, seed=seed, rank=r, num_ranks=num_ranks)
        ]
        for r in range(num_ranks)
    ]
    seen = torch.cat([targets for share in shares for targets in share] or [torch.empty(0)])
    assert len(seen.unique()) == len(seen), "a sample is seen twice"
    if seed is None:
        assert len(seen) == num, "a sample is left out of an evaluation"
    else:
        assert len(seen) == num - num % num_ranks
        lengths = [[len(targets) for targets in share] for share in shares]
        assert all(length == lengths[0] for length in lengths), "ranks take unequal steps"
        assert len(lengths[0]) == split.num_batches(batch_size, num_ranks)


@quick
@given(st.integers(4, 40), st.integers(1, 6), seeds, ranks)
def test_batches_of_all_ranks_are_one_large_batch(
    num: int, batch_size: int, seed: int, num_ranks: int
) -> None:
    split = numbered(num)
    single = [targets for _, targets in split.batches(batch_size * num_ranks, seed=seed)]
    each = [
        [
            targets
            for _, targets in split.batches(batch_size, seed=seed, rank=r, num_ranks=num_ranks)
        ]
        for r in range(num_ranks)
    ]
    for whole, *parts in zip(single, *each, strict=False):
        kept = len(whole) - len(whole) % num_ranks
        assert sorted(torch.cat(parts).tolist()) == sorted(whole[:kept].tolist())


def test_without_a_seed_samples_come_in_order_not_augmented() -> None:
    split = numbered(7, augmented=True)
    batches = list(split.batches(3))
    assert [targets.tolist() for _, targets in batches] == [[0, 1, 2], [3, 4, 5], [6]]
    assert len(batches) == split.num_batches(3)
    plain = numbered(7).batches(3)
    assert all(same(*pair) for pair in zip(batches, plain, strict=True))


def test_order_depends_on_seed_and_epoch() -> None:
    split = numbered(40)

    def order(seed: int, epoch: int) -> list[int]:
        return next(split.batches(40, seed=seed, epoch=epoch))[1].tolist()

    orders = [order(0, 0), order(0, 1), order(1, 0)]
    assert orders == [order(0, 0), order(0, 1), order(1, 0)]
    assert len({tuple(o) for o in orders}) == 3
    assert all(sorted(o) == list(range(40)) for o in orders)


def test_augmentation_differs_between_batches_epochs_and_ranks() -> None:
    split = TensorSplit(
        torch.zeros(8, 2, 3, 4), torch.zeros(8), SPEC, numbered(1, augmented=True).augment
    )
    draws = [
        images[:1]
        for epoch in (0, 1)
        for rank in (0, 1)
        for images, _ in split.batches(2, seed=3, epoch=epoch, rank=rank, num_ranks=2)
    ]
    assert len(torch.cat(draws).unique(dim=0)) == len(draws) == 8


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
def test_images_are_scaled_and_normalised(dtype: torch.dtype) -> None:
    images = torch.tensor([0, 255]).view(2, 1, 1, 1).expand(-1, 2, 3, 4)
    images = images.to(dtype) if dtype == torch.uint8 else (images / 255).to(dtype)
    ((batch, targets),) = TensorSplit(images, torch.tensor([4, 2]), SPEC).batches(2)
    assert batch.dtype == torch.float32
    assert targets.tolist() == [4, 2]
    expected = torch.tensor([[-1.0, -0.125], [1.0, 0.375]])
    torch.testing.assert_close(batch, expected[:, :, None, None].expand(-1, -1, 3, 4))


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(5, 2, 3, 3\), expected \(5, 2, 3, 4\)"):
        TensorSplit(torch.zeros(5, 2, 3, 3), torch.zeros(5), SPEC)
    with pytest.raises(ValueError, match=r"expected \(4, 2, 3, 4\)"):
        TensorSplit(torch.zeros(5, 2, 3, 4), torch.zeros(4), SPEC)
