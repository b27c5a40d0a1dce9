"""Splits in files: each image is read once and when it is its turn; what fits in memory."""

import pickle

import pytest
import torch

from datasets.files import FileSplit, UnreadableFiles, make_split
from datasets.spec import DataSpec
from datasets.tensors import TensorSplit
from tests.datasets.memory import MemorySource

SPEC = DataSpec(in_channels=1, num_classes=40, size=(2, 2), mean=(0.0,), std=(1.0,))
NUMBERS = torch.arange(40)
IMAGES = NUMBERS.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)


def split_of(source: MemorySource) -> FileSplit:
    """Return all of a source."""
    return FileSplit(source, NUMBERS, NUMBERS, SPEC)


def test_nothing_is_read_before_its_turn() -> None:
    source = MemorySource(IMAGES)
    batches = split_of(source).batches(4)
    assert source.reads == []
    for number, _ in enumerate(batches, 1):
        assert source.reads == list(range(4 * number))


@pytest.mark.parametrize("seed", [None, 3])
def test_a_rank_reads_its_share_alone(seed: int | None) -> None:
    sources = [MemorySource(IMAGES) for _ in range(3)]
    for rank, source in enumerate(sources):
        batches = split_of(source).batches(12, seed=seed, rank=rank, num_ranks=3, start=1)
        targets = torch.cat([targets for _, targets in batches])
        assert sorted(source.reads) == sorted(targets.tolist()), "what is read is what is given"
    every = [each for source in sources for each in source.reads]
    assert len(set(every)) == len(every) == 40 - 12
    assert max(len(source.reads) for source in sources) == 4 + 4 + 2


def test_a_broken_file_is_named_when_it_is_met() -> None:
    batches = split_of(MemorySource(IMAGES, broken=(9,))).batches(4)
    next(batches), next(batches)
    with pytest.raises(UnreadableFiles, match=r"^cannot read 9.jpg \(torn\); looked in here; "):
        next(batches)


def test_a_part_can_be_sent_to_another_process() -> None:
    split = FileSplit(MemorySource(IMAGES), NUMBERS[30:], NUMBERS[:10], SPEC)
    images, targets = next(pickle.loads(pickle.dumps(split)).batches(10))
    assert (images[:, 0, 0, 0] * 255).round().long().tolist() == list(range(30, 40))
    assert targets.tolist() == list(range(10))


def test_memory_decides_who_reads() -> None:
    def make(gib: float) -> object:
        source = MemorySource(IMAGES)
        split = make_split(source, NUMBERS, NUMBERS, SPEC, memory=gib)
        assert source.checked == isinstance(split, FileSplit)
        assert next(split.batches(40))[1].tolist() == NUMBERS.tolist()
        return type(split)

    size = 40 * 4 / 2**30
    assert make(size) is TensorSplit
    assert make(size * 0.99) is FileSplit


def test_many_broken_files_make_one_line() -> None:
    error = UnreadableFiles({f"{i}.jpg": "torn" for i in range(12)}, "here")
    assert "8.jpg (torn), 9.jpg (torn) and 2 more; looked in here" in str(error)
    sent = pickle.loads(pickle.dumps(error))
    assert (str(sent), sent.reasons) == (str(error), error.reasons)


def test_lengths_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match="3 targets for 40 images"):
        FileSplit(MemorySource(IMAGES), NUMBERS, NUMBERS[:3], SPEC)
