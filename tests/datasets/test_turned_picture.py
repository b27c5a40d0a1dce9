"""A picture and its turn."""

import pytest
import torch

from datasets.turned_picture import TurnedPicture, dithered_ball


@pytest.mark.parametrize("size", [7, 32, 33])
def test_the_second_class_is_the_turned_first(size: int) -> None:
    data = TurnedPicture(size, copies=3)
    splits = data.splits()
    images, classes = next(splits.test.batches(8))
    assert images.shape == (2, 1, size, size)
    assert classes.tolist() == [0, 1]
    torch.testing.assert_close(images[1, 0], images[0, 0].rot90())
    assert not torch.equal(images[1], images[0])
    assert len(splits.train) == 6
    assert splits.train.targets.tolist() == [0, 1] * 3


def test_the_dots_lie_on_the_lattice_that_a_subsampled_layer_sees() -> None:
    """Of the four lattices of every other pixel, a turn of an even picture exchanges some that
    differ; of an odd one it maps the first to itself."""

    def brightness(picture: torch.Tensor) -> float:
        return picture[::2, ::2].mean().item()

    even, odd = dithered_ball(32), dithered_ball(33)
    assert abs(brightness(even) - brightness(even.rot90())) > 0.3
    assert brightness(odd) == brightness(odd.rot90())
