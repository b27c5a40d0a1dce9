"""Stratified hold-outs: disjoint, complete, proportional, reproducible."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.holdout import hold_out, selection

label_lists = st.lists(st.integers(0, 4), min_size=2, max_size=80)


@settings(deadline=None, max_examples=100)
@given(label_lists, st.data(), st.integers(0, 99))
def test_every_class_gives_its_share(labels: list[int], data: st.DataObject, seed: int) -> None:
    size = data.draw(st.integers(1, len(labels) - 1))
    classes = torch.tensor(labels)
    kept, held = hold_out(classes, size, seed, "val")
    assert len(held) == size
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(len(labels)))
    share = torch.bincount(classes, minlength=5) * size / len(labels)
    assert ((torch.bincount(classes[held], minlength=5) - share).abs() < 1).all()
    assert torch.equal(held, hold_out(classes, size, seed, "val")[1])


def test_the_draw_depends_on_seed_and_purpose() -> None:
    labels = torch.arange(10).repeat(20)
    draws = [hold_out(labels, 50, *key)[1] for key in ((0, "val"), (1, "val"), (0, "test"))]
    assert len(torch.stack(draws).unique(dim=0)) == 3


@pytest.mark.parametrize("size", [0, 4, 9])
def test_impossible_sizes_are_refused(size: int) -> None:
    with pytest.raises(
        ValueError, match=f"cannot hold out {size} of 4 samples: allowed are 1 to 3"
    ):
        hold_out(torch.zeros(4), size, 0)


def test_selection_is_balanced_and_optional() -> None:
    labels = torch.arange(4).repeat(10)
    indices = torch.arange(8, 40)
    assert torch.equal(selection(indices, labels, None, 0), indices)
    assert torch.equal(selection(indices, labels, 32, 0), indices)
    chosen = selection(indices, labels, 8, 0)
    assert torch.bincount(labels[chosen]).tolist() == [2, 2, 2, 2]
    assert torch.isin(chosen, indices).all()
    with pytest.raises(ValueError, match="33 of 32"):
        selection(indices, labels, 33, 0)
