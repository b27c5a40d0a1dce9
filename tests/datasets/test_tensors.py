"""Splits in memory: scaling, shapes, copies on a device."""

import pickle

import pytest
import torch

from datasets.spec import DataSpec
from datasets.tensors import TensorSplit

SPEC = DataSpec(in_channels=2, num_classes=100, size=(3, 4), mean=(0.5, 0.25), std=(0.5, 2.0))


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


def test_a_device_gets_the_images_once() -> None:
    split = TensorSplit(torch.zeros(5, 2, 3, 4), torch.zeros(5), SPEC)
    first, again = (split._on("meta")[0] for _ in range(2))
    assert first is again
    assert first.device.type == "meta"
    assert split._on("cpu")[0] is split.images
    assert pickle.loads(pickle.dumps(split))._copies == {}
