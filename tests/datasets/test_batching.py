"""Batches of every kind of split: exact continuation, even shares, one pass over everything."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from datasets.batching import BatchedSplit
from datasets.files import FileSplit
from datasets.spec import DataSpec
from datasets.tensors import TensorSplit
from tests.datasets.memory import MemorySource

SPEC = DataSpec(in_channels=2, num_classes=100, size=(3, 4), mean=(0.5, 0.25), std=(0.5, 2.0))
kinds = pytest.mark.parametrize("kind", ["tensors", "files"])


def numbered(
    num: int, kind: str, *, augmented: bool = False, contents: Tensor | None = None
) -> BatchedSplit:
    """Return a split whose targets number the samples, and unless told otherwise their pixels."""

    def noise(images: Tensor, generator: torch.Generator) -> Tensor:
        return images + torch.rand(images.shape, generator=generator)

    pixels = torch.arange(num) if contents is None else contents
    images = pixels.view(-1, 1, 1, 1).expand(-1, 2, 3, 4).to(torch.uint8)
    augment = noise if augmented else None
    if kind == "tensors":
        return TensorSplit(images, torch.arange(num), SPEC, augment)
    backwards = torch.arange(num).flip(0)  # the source's order is not the split's
    source = MemorySource(images.flip(0))
    return FileSplit(source, backwards, torch.arange(num), SPEC, augment)


def same(left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> bool:
    """Return whether two batches are equal bit for bit."""
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


quick = settings(deadline=None, max_examples=60)
sizes = st.integers(1, 40)
batch_sizes = st.integers(1, 12)
seeds = st.integers(0, 2**32)
ranks = st.integers(1, 4)


@kinds
@quick
@given(sizes, batch_sizes, seeds, st.integers(0, 9), st.integers(0, 45), ranks)
def test_start_continues_exactly(
    kind: str, num: int, batch_size: int, seed: int, epoch: int, start: int, num_ranks: int
) -> None:
    split = numbered(num, kind, augmented=True)
    for rank in range(num_ranks):
        place = {"seed": seed, "epoch": epoch, "rank": rank, "num_ranks": num_ranks}
        whole = list(split.batches(batch_size, **place))
        rest = list(split.batches(batch_size, start=start, **place))
        assert len(rest) == max(0, len(whole) - start)
        assert all(same(*pair) for pair in zip(whole[start:], rest, strict=True))


@kinds
@quick
@given(sizes, batch_sizes, st.one_of(st.none(), seeds), st.integers(0, 45), ranks)
def test_batches_of_all_ranks_are_those_of_one_process(
    kind: str, num: int, batch_size: int, seed: int | None, start: int, num_ranks: int
) -> None:
    """In shares that differ by at most one sample; batches with fewer samples than ranks go whole
    to all of them where steps are made, and to some of them where none are."""
    split = numbered(num, kind)

    def targets(**settings: int) -> list[Tensor]:
        return [each for _, each in split.batches(batch_size, seed=seed, **settings)]

    single = targets()
    assert len(single) == split.num_batches(batch_size)
    each = [targets(start=start, rank=rank, num_ranks=num_ranks) for rank in range(num_ranks)]
    for index, whole in enumerate(single[start:]):
        shares = [own[index] for own in each if index < len(own)]
        if len(whole) < num_ranks and seed is not None:
            assert len(shares) == num_ranks
            assert all(torch.equal(own, whole) for own in shares)
            continue
        assert len(shares) == min(len(whole), num_ranks)
        assert sorted(torch.cat(shares).tolist()) == sorted(whole.tolist())
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert all(len(own) <= len(single[start:]) for own in each)


@kinds
def test_without_a_seed_samples_come_in_order_not_augmented(kind: str) -> None:
    split = numbered(7, kind, augmented=True)
    batches = list(split.batches(3))
    assert [targets.tolist() for _, targets in batches] == [[0, 1, 2], [3, 4, 5], [6]]
    assert len(batches) == split.num_batches(3)
    plain = numbered(7, kind).batches(3)
    assert all(same(*pair) for pair in zip(batches, plain, strict=True))


@kinds
def test_samples_can_be_chosen(kind: str) -> None:
    split = numbered(7, kind, augmented=True)
    whole = [torch.cat(parts) for parts in zip(*split.batches(7), strict=True)]
    chosen = torch.tensor([5, 0, 6])
    batches = list(split.batches(2, samples=chosen))
    assert [len(targets) for _, targets in batches] == [2, 1]
    found = [torch.cat(parts) for parts in zip(*batches, strict=True)]
    assert same(tuple(found), tuple(part[chosen] for part in whole))


@kinds
def test_order_depends_on_seed_and_epoch(kind: str) -> None:
    split = numbered(40, kind)

    def order(seed: int, epoch: int) -> list[int]:
        return next(split.batches(40, seed=seed, epoch=epoch))[1].tolist()

    orders = [order(0, 0), order(0, 1), order(1, 0)]
    assert orders == [order(0, 0), order(0, 1), order(1, 0)]
    assert len({tuple(o) for o in orders}) == 3
    assert all(sorted(o) == list(range(40)) for o in orders)


@kinds
def test_augmentation_differs_between_batches_epochs_and_ranks(kind: str) -> None:
    split = numbered(8, kind, augmented=True, contents=torch.zeros(8))
    draws = [
        images[:1]
        for epoch in (0, 1)
        for rank in (0, 1)
        for images, _ in split.batches(4, seed=3, epoch=epoch, rank=rank, num_ranks=2)
    ]
    assert len(torch.cat(draws).unique(dim=0)) == len(draws) == 8


@kinds
def test_a_batch_that_all_ranks_have_whole_is_augmented_alike(kind: str) -> None:
    split = numbered(7, kind, augmented=True)
    one, *others = (list(split.batches(5, seed=3, rank=r, num_ranks=3)) for r in range(3))
    assert all(same(one[1], other[1]) for other in others)
    assert same(one[1], list(split.batches(5, seed=3))[1])


@quick
@given(sizes, batch_sizes, st.one_of(st.none(), seeds), st.integers(0, 3))
def test_all_kinds_yield_the_same(num: int, batch_size: int, seed: int | None, start: int) -> None:
    batches = [
        list(numbered(num, kind, augmented=True).batches(batch_size, seed=seed, start=start))
        for kind in ("tensors", "files")
    ]
    for first, *others in zip(*batches, strict=True):
        assert all(same(first, other) for other in others)
        if seed is None:
            pixels = (first[0][:, 0, 0, 0] * 0.5 + 0.5) * 255
            assert pixels.round().long().tolist() == first[1].tolist()


def test_a_transformation_moves_images_and_targets_of_seeded_batches() -> None:
    def transform(
        images: Tensor, targets: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        steps = torch.randint(1, 100, (len(images),), generator=generator)
        return images + steps.view(-1, 1, 1, 1) / 255, targets + steps

    images = torch.arange(9).view(-1, 1, 1, 1).expand(-1, 2, 3, 4).to(torch.uint8)
    split = TensorSplit(images, torch.arange(9), SPEC, transform=transform)
    plain = TensorSplit(images, torch.arange(9), SPEC)
    assert all(same(*pair) for pair in zip(split.batches(4), plain.batches(4), strict=True))
    batches, again = (list(split.batches(4, seed=0, start=start)) for start in (0, 1))
    assert all(same(*pair) for pair in zip(batches[1:], again, strict=True))
    moved = torch.cat([targets for _, targets in batches])
    pixels = torch.cat([batch[:, 0, 0, 0] for batch, _ in batches]) * 0.5 + 0.5
    assert torch.equal((pixels * 255).round().long(), moved)
    unmoved = torch.cat([targets for _, targets in plain.batches(4, seed=0)])
    assert (moved > unmoved).all()
