"""Convolutions: what they compute, apart from equivariance."""

import pytest
import torch
from torch.nn import functional

from partial_equiv.gconv import (
    GroupConv,
    GroupFeature,
    LiftingConv,
    PointwiseConv,
)
from partial_equiv.gconv.evaluation import convolve
from partial_equiv.gconv.stencil import Stencil
from partial_equiv.gconv.windows import Windows
from partial_equiv.groups import O2, SO2, Trivial
from partial_equiv.penalties import kernel_l2
from tests.blobs import images
from tests.shipped import siren_on


@pytest.mark.parametrize(("size", "taps"), [(1, 1), (2, 0), (3, 5), (4, 4), (5, 13), (7, 29)])
def test_the_stencil_is_a_disc(size: int, taps: int) -> None:
    stencil = Stencil(size)
    assert stencil.num_taps == taps
    assert torch.all(stencil.positions.norm(dim=-1) <= 1 + 1e-6)
    mask = stencil.spread(torch.ones(taps, 1)).view(size, size)
    assert mask.sum() == taps
    for turned in (mask.rot90(), mask.flip(0), mask.T):
        assert torch.equal(mask, turned)


def test_a_group_convolution_is_its_formula() -> None:
    """The sum over taps and elements, written out, against the one conv2d."""
    torch.manual_seed(0)
    conv = GroupConv(2, 3, **siren_on(O2(), 4), kernel_size=3).double()
    group, conv.bias.data = O2(), images(3)
    inputs = group.uniform(5, dtype=torch.float64)[None]
    weights = torch.tensor([[1.0, 0.0, 2.0, 1.0, 0.5]]).double()
    x = images(2, 2, 5, 6, 7)
    out = conv(GroupFeature(x, inputs, weights))
    padded = functional.pad(x, (1, 1, 1, 1))
    for g, h in enumerate(out.elements[0]):
        inverse = group.inverse(h)
        expected = conv.bias[None, :, None, None].expand(2, 3, 6, 7).clone()
        for i, other in enumerate(inputs[0]):
            relative = group.coordinates(group.product(inverse, other))
            for tap in conv.stencil.positions:
                coordinates = torch.cat([group.matrix(inverse) @ tap, relative])
                column, row = (1 + tap).round().long()
                window = padded[:, :, i, row : row + 6, column : column + 7]
                share = weights[0, i] / weights.sum()
                expected += share * torch.einsum("oc,bchw->bohw", conv.kernel(coordinates), window)
        torch.testing.assert_close(out.x[:, :, g], expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("mode", ["zeros", "circular"])
def test_kernels_per_batch_element_are_as_many_convolutions(mode: str) -> None:
    x, weight, bias = images(3, 2, 4, 6, 6), images(3, 2, 5, 2, 4, 3, 3), images(5)
    together = convolve(x, weight, bias, Windows(3, padding=1), mode)
    for i in range(3):
        alone = convolve(x[i : i + 1], weight[i : i + 1], bias, Windows(3, padding=1), mode)
        torch.testing.assert_close(together[i : i + 1], alone)


def test_circular_padding_commutes_with_every_shift() -> None:
    conv = LiftingConv(1, 2, **siren_on(), kernel_size=5, padding_mode="circular").double()
    x = images(1, 1, 6, 8)
    shifted = conv(x.roll((2, 3), (-2, -1))).x
    torch.testing.assert_close(shifted, conv(x).x.roll((2, 3), (-2, -1)))


@pytest.mark.parametrize(("padding", "size"), [("same", 9), ("valid", 5), (1, 7)])
def test_padding_sets_the_size(padding: str | int, size: int) -> None:
    conv = LiftingConv(1, 2, **siren_on(), kernel_size=5, padding=padding)
    assert conv(torch.zeros(1, 1, 9, 9)).x.shape == (1, 2, 4, size, size)


def test_a_kernel_larger_than_the_image_is_refused() -> None:
    conv = LiftingConv(1, 2, **siren_on(), kernel_size=5, padding="valid")
    with pytest.raises(ValueError, match="kernel_size=5: only 4 x 6 pixels"):
        conv(torch.zeros(1, 1, 4, 6))


def test_same_padding_needs_an_odd_kernel() -> None:
    with pytest.raises(ValueError, match="kernel_size=4"):
        LiftingConv(1, 2, **siren_on(), kernel_size=4)


def test_pre_activations_do_not_depend_on_the_number_of_samples() -> None:
    """At one output element, averaged over all shifts of the input's grid: n grids of 32/n shifts
    are the same 32 elements, so any n gives the same mean. A bare sum would grow with n."""
    torch.manual_seed(0)
    lifting, conv = LiftingConv(1, 3, **siren_on()).double(), GroupConv(3, 2, **siren_on()).double()
    x, identity = images(1, 1, 7, 7), torch.zeros(1, 1, 1).double()
    means, same = [], Windows(3, padding=1)
    for n in (1, 2, 8, 32):
        shifts = (2 * torch.arange(32 // n, dtype=torch.float64) + 1) / (32 // n) - 1
        total = torch.zeros(())
        for shift in shifts:
            elements = SO2().subset(n, torch.ones(1).double(), shift[None])
            weight = lifting.kernel_weights(GroupFeature(x[:, :, None], identity), elements)
            lifted = GroupFeature(convolve(x[:, :, None], weight, None, same, "zeros"), elements)
            weight = conv.kernel_weights(lifted, identity)
            total = total + convolve(lifted.x, weight, None, same, "zeros") / len(shifts)
        means.append(total)
    assert means[0].abs().max() > 0.1
    for other in means[1:]:
        torch.testing.assert_close(other, means[0], rtol=1e-6, atol=1e-7)


def test_pointwise_convolution_computes_the_elements_it_is_told() -> None:
    shortcut, conv = PointwiseConv(4, 2, **siren_on()), GroupConv(4, 2, **siren_on(O2(), 6))
    given = GroupFeature(torch.randn(2, 4, 3, 5, 5), torch.randn(1, 3, 1))
    branch = GroupFeature(torch.randn(2, 2, 6, 5, 5), torch.randn(1, 6, 1))
    out = shortcut(given, like=branch)
    assert out.elements is branch.elements
    assert out.x.shape == (2, 2, 6, 5, 5)
    assert shortcut(given).x.shape == (2, 2, 4, 5, 5)
    assert conv.kernel.in_coordinates == 5
    assert shortcut.kernel.in_coordinates == 2


def test_the_trivial_group_is_an_ordinary_convolution() -> None:
    conv = GroupConv(3, 4, **siren_on(Trivial(), 1)).double()
    x, element = images(2, 3, 1, 6, 6), torch.zeros(1, 1, 0).double()
    weight = conv.stencil.spread(conv.kernel(conv.stencil.positions).flatten(1))
    weight = weight.T.reshape(4, 3, 3, 3)
    expected = functional.conv2d(x[:, :, 0], weight, conv.bias, padding=1)
    torch.testing.assert_close(conv(GroupFeature(x, element)).x[:, :, 0], expected)
    assert PointwiseConv(3, 4, **siren_on(Trivial(), 1))(
        GroupFeature(torch.zeros(1, 3, 1, 2, 2), torch.zeros(1, 1, 0))
    ).x.shape == (1, 4, 1, 2, 2)


def test_kernel_penalty_is_the_norm_of_the_generated_kernels() -> None:
    conv = GroupConv(2, 3, **siren_on(n=4))
    feature = GroupFeature(torch.zeros(1, 2, 4, 3, 3), SO2().grid(4)[None])
    weight = conv.kernel_weights(feature, torch.zeros(1, 1, 1)) * 4
    torch.testing.assert_close(kernel_l2(conv), weight.square().sum() / 4)
