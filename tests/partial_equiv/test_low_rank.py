"""Kernels of low rank, and the depthwise convolution that they are computed with."""

from functools import partial

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import conv2d

from partial_equiv.gconv.depthwise import depthwise
from partial_equiv.gconv.windows import Windows
from partial_equiv.refusal import Refusal
from tests import shipped


@pytest.mark.parametrize("rank", [1, 3])
def test_each_channel_has_a_kernel_of_that_rank(rank: int) -> None:
    """As a matrix of pixels times elements and incoming channels."""
    torch.manual_seed(0)
    lifting, conv = shipped.layers("SE2", rank=rank, kernel_size=5)
    lifted = lifting(1, 4).double()(torch.zeros(1, 1, 9, 9).double())
    layer = conv(4, 2).double()
    weight = layer.kernel_weights(lifted, lifted.elements)[0, 1]  # [C_out, C_in, G_in, k, k]
    found = torch.linalg.matrix_rank(weight.flatten(-2).flatten(1, 2), rtol=1e-10)
    assert found.tolist() == [rank, rank]


def test_separable_is_rank_one_and_no_other() -> None:
    made = []
    for settings in ({"separable": True}, {"rank": 1}, {"separable": True, "rank": 1}):
        torch.manual_seed(0)
        made.append(shipped.layers("SE2", **settings)[1](3, 2).state_dict())
    for key, value in made[0].items():
        assert all(torch.equal(value, other[key]) for other in made[1:])
    with pytest.raises(Refusal, match="rank=2: separable=True is rank=1"):
        shipped.layers("SE2", separable=True, rank=2)[1](3, 2)


@pytest.mark.parametrize(
    "windows",
    [Windows(5, padding=2), Windows(7, 2, 3), Windows(7), Windows(4, 1, 1, 2), Windows(8, 3, 2, 1)],
    ids=str,
)
def test_wide_filters_have_the_gradients_of_a_convolution(windows: Windows) -> None:
    torch.manual_seed(0)
    k, given = windows.kernel_size, (windows.stride, windows.padding, windows.dilation)
    low = windows.extent - windows.padding  # pixels, so that no window lies inside of the maps
    double = partial(torch.randn, dtype=torch.double, requires_grad=True)
    sources = double(2, 3, 13, 11), double(3, 1, k, k), double(3)
    assert gradcheck(lambda *a: depthwise(*a, windows), sources, fast_mode=True)
    assert gradgradcheck(lambda *a: depthwise(*a, windows), sources, fast_mode=True)
    assert gradcheck(lambda *a: depthwise(*a, windows), (double(1, 3, low, low), *sources[1:]))
    maps = torch.randn(4, 32, 13, 11).contiguous(memory_format=torch.channels_last)
    sources = maps.requires_grad_(), torch.randn(32, 1, k, k, requires_grad=True), torch.randn(32)
    one = depthwise(*sources, windows)
    other = conv2d(*sources, *given, groups=32)
    torch.testing.assert_close(one, other)
    draws = torch.randn(one.shape)
    gradients = (torch.autograd.grad((y * draws).sum(), sources[:2]) for y in (one, other))
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
