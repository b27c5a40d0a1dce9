"""Latents as a data set: each beside the class of its own view."""

import torch

from datasets.orbits import encoded_splits
from datasets.spec import DataSpec, Splits
from datasets.tensors import TensorSplit
from tests.tasks.test_turning import SIZE, Pixels


def test_latents_stand_beside_the_classes_of_their_views() -> None:
    """A view says its class, by its brightness; shuffled ones would not."""
    spec = DataSpec(1, 3, (SIZE, SIZE), (0.0,), (1.0,), ("a", "b", "c"), num_views=4)
    classes = torch.randint(0, 3, (1200,), generator=torch.Generator().manual_seed(0))
    views = (80 * classes).to(torch.uint8)[:, None, None, None].expand(-1, 1, SIZE, SIZE)
    split = TensorSplit(views, classes, spec)
    found = encoded_splits(Pixels(), Splits(spec, split, split, split))
    assert found.spec.class_names == ("a", "b", "c")
    assert (found.spec.num_views, found.views.spec) == (4, spec)
    for part in (found.train, found.val, found.test):
        assert len(part) == 1200
        for batch, labels in part.batches(100, seed=1):
            assert batch.shape[1:] == (SIZE * SIZE, 1, 1)
            assert torch.equal((batch.mean((1, 2, 3)) * 255 / 80).round().long(), labels)
