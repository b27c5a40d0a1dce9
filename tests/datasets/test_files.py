"""Splits in files: reading ahead in order and not too far, broken files, what fits in memory."""

import pickle
import threading

import pytest
import torch

from datasets.files import FileSplit, UnreadableFiles, make_split
from datasets.spec import DataSpec
from datasets.tensors import TensorSplit
from tests.datasets.memory import MemorySource

SPEC = DataSpec(in_channels=1, num_classes=40, size=(2, 2), mean=(0.0,), std=(1.0,))
NUMBERS = torch.arange(40)
IMAGES = NUMBERS.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)


def split_of(source: MemorySource, num_workers: int = 3) -> FileSplit:
    """Return all of a source."""
    return FileSplit(source, NUMBERS, NUMBERS, SPEC, None, num_workers)


def test_late_images_keep_their_places() -> None:
    split = split_of(MemorySource(IMAGES, delay=0.002))
    for images, targets in split.batches(7):
        assert (images[:, 0, 0, 0] * 255).round().long().tolist() == targets.tolist()


@pytest.mark.parametrize("num_workers", [0, 1, 3])
def test_reading_ahead_has_a_limit_and_an_end(num_workers: int) -> None:
    source = MemorySource(IMAGES)
    batches = split_of(source, num_workers).batches(4)
    next(batches)
    limit = 4 + 2 * num_workers + 3 if num_workers else 4  # whole batches are asked for
    assert 4 <= len(source.reads) <= limit
    batches.close()
    assert not [each for each in threading.enumerate() if "read ahead" in each.name]


@pytest.mark.parametrize("num_workers", [0, 3])
def test_a_broken_file_is_named_when_it_is_met(num_workers: int) -> None:
    batches = split_of(MemorySource(IMAGES, broken=(9,)), num_workers).batches(4)
    next(batches), next(batches)
    with pytest.raises(UnreadableFiles, match=r"^cannot read 9.jpg \(torn\); looked in here; "):
        next(batches)
    assert not [each for each in threading.enumerate() if "read ahead" in each.name]


def test_reading_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    list(split_of(MemorySource(IMAGES)).batches(7, seed=1))
    assert torch.equal(before, torch.get_rng_state()), "a resumed run would differ"


def test_a_part_can_be_sent_to_another_process() -> None:
    split = FileSplit(MemorySource(IMAGES), NUMBERS[30:], NUMBERS[:10], SPEC)
    images, targets = next(pickle.loads(pickle.dumps(split)).batches(10))
    assert (images[:, 0, 0, 0] * 255).round().long().tolist() == list(range(30, 40))
    assert targets.tolist() == list(range(10))


def test_memory_decides_who_reads() -> None:
    def make(gib: float) -> object:
        source = MemorySource(IMAGES)
        split = make_split(source, NUMBERS, NUMBERS, SPEC, memory=gib, num_workers=2)
        assert source.checked == isinstance(split, FileSplit)
        assert next(split.batches(40))[1].tolist() == NUMBERS.tolist()
        return type(split)

    size = 40 * 4 / 2**30
    assert make(size) is TensorSplit
    assert make(size * 0.99) is FileSplit


def test_many_broken_files_make_one_line() -> None:
    error = UnreadableFiles({f"{i}.jpg": "torn" for i in range(12)}, "here")
    assert "8.jpg (torn), 9.jpg (torn) and 2 more; looked in here" in str(error)


def test_lengths_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match="3 targets for 40 images"):
        FileSplit(MemorySource(IMAGES), NUMBERS, NUMBERS[:3], SPEC)
