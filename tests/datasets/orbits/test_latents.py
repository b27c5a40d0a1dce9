"""Latents as a data set: each beside the class of its own view."""

import torch

from datasets.orbits import OrbitSplits
from datasets.spec import DataSpec
from datasets.tensors import TensorSplit
from routines.symmetry_discovery import latents
from tests.routines.symmetry_discovery.test_turning import SIZE, Pixels


def test_latents_stand_beside_the_classes_of_their_views() -> None:
    """A view says its class, by its brightness; shuffled ones would not."""
    spec = DataSpec(1, 3, (SIZE, SIZE), (0.0,), (1.0,), ("a", "b", "c"))
    classes = torch.randint(0, 3, (1200,), generator=torch.Generator().manual_seed(0))
    views = (80 * classes).to(torch.uint8)[:, None, None, None].expand(-1, 1, SIZE, SIZE)
    split = TensorSplit(views, classes, spec)
    splits = OrbitSplits(spec, split, split, split, num_views=4)
    found = latents.encoded_splits(Pixels(), splits, torch.device("cpu"))
    assert found.spec.class_names == ("a", "b", "c")
    for part in (found.train, found.val, found.test):
        assert len(part) == 1200
        for batch, labels in part.batches(100, seed=1):
            assert batch.shape[1:] == (1, 1, SIZE * SIZE)
            assert torch.equal((batch.mean((1, 2, 3)) * 255 / 80).round().long(), labels)
    few = latents.encoded_splits(Pixels(), splits, torch.device("cpu"), most=8)
    assert len(few.train) == 8
    first = next(iter(found.test.batches(8)))
    assert torch.equal(next(iter(few.test.batches(8)))[0], first[0])
