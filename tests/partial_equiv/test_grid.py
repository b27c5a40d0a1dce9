"""Free weights on the pixel grid: permuted exactly, and the plain layers on the trivial group."""

from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from partial_equiv.ck import GridKernel
from partial_equiv.equivariance import Action, act_on_images, equivariance_error
from partial_equiv.gconv import Convolution, GroupConv, GroupFeature, LiftingConv, PointwiseConv
from partial_equiv.groups import O2, SO2, Cyclic, Dihedral, Finite, Group, Mirror, Trivial
from partial_equiv.sampling import Sampling
from tests.tolerances import EXACT

ON_GRID = [Trivial(), Mirror(), *map(Cyclic, (1, 2, 4)), *map(Dihedral, (1, 2, 4))]
OFF_GRID = [SO2(), O2(), Cyclic(3), Cyclic(8), Dihedral(3), Dihedral(8)]
by_name = pytest.mark.parametrize("group", ON_GRID, ids=lambda g: f"{type(g).__name__}-{g.size}")


def layer(kind: type[Convolution], group: Group, *channels: int, **settings: object) -> Convolution:
    torch.manual_seed(0)
    sampling = partial(Sampling, group, None if group.size else 4)
    return kind(*channels, kernel=GridKernel, sampling=sampling, **settings).double()


def feature(group: Finite, channels: int, size: int) -> GroupFeature:
    x = torch.randn(2, channels, group.size, size, size, generator=torch.Generator().manual_seed(0))
    return GroupFeature(x.double(), group.elements(torch.float64)[None])


@by_name
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_the_weights_of_a_layer_are_its_free_weights_permuted(group: Finite, size: int) -> None:
    """To the bit: w[h⁻¹h', h⁻¹p] for the plain sum over h' and p."""
    conv = layer(GroupConv, group, 2, 3, kernel_size=size, padding="valid")
    free = conv.kernel.weight
    assert free.shape == (3, 2, group.size, size, size)
    given = feature(group, 2, 5)
    moved = conv.kernel_weights(given, given.elements)[0]  # [G_out, C_out, C_in, G_in, k, k]
    table, elements = group.cayley_table(), group.elements(torch.float64)
    inverse = (table == 0).long().argmax(1)
    for h in range(group.size):
        for other in range(group.size):
            source = free[:, :, table[inverse[h], other]]
            expected = act_on_images(group.matrix(elements[h]), source)
            assert torch.equal(moved[h, :, :, other], expected)


@by_name
def test_lifting_and_pointwise_weights_are_permuted_too(group: Finite) -> None:
    lifting = layer(LiftingConv, group, 2, 3, kernel_size=3)
    assert lifting.kernel.weight.shape == (3, 2, 1, 3, 3)
    x = torch.randn(2, 2, 6, 6).double()
    lifted = lifting(x)
    given = GroupFeature(x[:, :, None], group.identity(torch.float64)[None, None])
    weights = lifting.kernel_weights(given, lifted.elements)  # [1, G, C_out, C_in, 1, k, k]
    for h, element in enumerate(group.elements(torch.float64)):
        expected = act_on_images(group.matrix(element), lifting.kernel.weight[:, :, 0])
        assert torch.equal(weights[0, h, :, :, 0], expected)
    pointwise = layer(PointwiseConv, group, 3, 2)
    assert pointwise.kernel.weight.shape == (2, 3, group.size, 1, 1)
    assert pointwise(lifted).x.shape == (2, 2, group.size, 6, 6)


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 4, "padding": 1},
        {"kernel_size": 3, "stride": 2, "padding": 1},
        {"kernel_size": 3, "dilation": 2, "padding": 2},
        {"kernel_size": 2, "stride": 3, "dilation": 3, "padding": 0},
    ],
)
def test_on_the_trivial_group_it_is_torch_s_convolution(settings: dict[str, int]) -> None:
    lifting = layer(LiftingConv, Trivial(), 3, 4, **settings)
    lifting.bias.data.normal_()
    x = torch.randn(2, 3, 9, 10).double()
    plain = {name: value for name, value in settings.items() if name != "kernel_size"}
    expected = functional.conv2d(x, lifting.kernel.weight[:, :, 0], lifting.bias, **plain)
    torch.testing.assert_close(lifting(x).x[:, :, 0], expected)


def test_same_padding_keeps_the_size_under_dilation() -> None:
    dilated = layer(LiftingConv, Cyclic(4), 1, 1, kernel_size=3, dilation=3)
    assert dilated(torch.zeros(1, 1, 9, 7).double()).x.shape[-2:] == (9, 7)
    ring = layer(LiftingConv, Trivial(), 1, 1, kernel_size=3, dilation=2, padding_mode="circular")
    x = torch.randn(1, 1, 6, 8).double()
    torch.testing.assert_close(ring(x.roll(3, -1)).x, ring(x).x.roll(3, -1))


@pytest.mark.parametrize("group", OFF_GRID, ids=lambda g: f"{type(g).__name__}-{g.size}")
def test_groups_that_move_pixels_off_the_grid_are_refused(group: Group) -> None:
    with pytest.raises(ValueError, match=f"^kernel=grid: {type(group).__name__} .* pixels to pix"):
        layer(GroupConv, group, 1, 1)


@by_name
@pytest.mark.parametrize("kernel_size", [3, 4])
def test_layers_are_equivariant_to_the_whole_group(group: Finite, kernel_size: int) -> None:
    lifting = layer(LiftingConv, group, 1, 3, kernel_size=kernel_size, padding=1)
    conv = layer(GroupConv, group, 3, 2, kernel_size=kernel_size, padding=1)
    x = torch.randn(4, 1, 9, 9).double()
    for element in group.elements(torch.float64):
        error = equivariance_error(lambda y: conv(lifting(y)), Action(group, element), x).relative
        assert error < EXACT[torch.float64]


def test_the_response_keeps_the_power_of_its_input() -> None:
    """He et al.'s rule: twice the power, half of which a ReLU takes away."""
    group = Dihedral(4)
    conv, given = layer(GroupConv, group, 32, 32), feature(group, 32, 12)
    power = conv(given).x[..., 1:-1, 1:-1].square().mean()
    assert power.item() == pytest.approx(2, rel=0.1)


def test_a_subset_of_a_finite_group_is_learned_with_free_weights() -> None:
    conv, given = layer(GroupConv, Cyclic(4), 2, 2, partial=True), feature(Cyclic(4), 2, 5)
    response = conv(given)
    weights = response.broadcast_weights()
    assert isinstance(weights, Tensor)
    (response.x * weights).sum().backward()
    assert torch.all(conv.relaxation.keep_logits.grad.abs() > 0)
    assert torch.all(conv.kernel.weight.grad.abs() > 0)


def test_weights_are_found_again_in_a_state_dict() -> None:
    one, other = (layer(GroupConv, Cyclic(4), 2, 2) for _ in range(2))
    other.kernel.weight.data.zero_()
    other.load_state_dict(one.state_dict())
    assert set(one.state_dict()) == {"kernel.weight", "bias"}
    assert torch.equal(one.kernel.weight, other.kernel.weight)
