"""Averaging weights, mixed banks and filter biases: each one's formula, by brute force."""

from collections.abc import Callable
from functools import partial
from math import log

import pytest
import torch

from partial_equiv.ck import GridKernel, Kernel, Siren
from partial_equiv.gconv import Convolution, GroupConv, LiftingConv
from partial_equiv.groups import O2, SO2, Cyclic, Dihedral, Mirror, Trivial
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations import Averaged, Banks, FilterBias, Layer, Relaxation
from partial_equiv.relaxations.cells import Cells
from partial_equiv.sampling import Sampling
from tests.partial_equiv.moved_weights import moved, weight_of

P4, P4M = partial(Sampling, Cyclic(4)), partial(Sampling, Dihedral(4))


def relaxed(
    layer: type[Convolution],
    relaxation: Callable[..., Relaxation] | None,
    sampling: Callable[..., Sampling] = P4,
    kernel: object = GridKernel,
) -> Convolution:
    """A layer from 2 to 3 channels in float64."""
    torch.manual_seed(0)
    given = {"kernel": kernel, "sampling": sampling, "partial": relaxation is not None}
    return layer(2, 3, **given, relaxation=relaxation).double()


@pytest.mark.parametrize("layer", [LiftingConv, GroupConv])
@pytest.mark.parametrize(
    ("sampling", "kernel"),
    [
        (P4M, GridKernel),
        (P4M, Siren),
        (partial(Sampling, SO2(), 4), Siren),
        (partial(Sampling, O2(), 8), Siren),
    ],
)
def test_averaging_is_the_weighted_mean_of_a_free_weight_that_is_moved(
    layer: type[Convolution], sampling: Callable[..., Sampling], kernel: object
) -> None:
    made = relaxed(layer, Averaged, sampling, kernel)
    logits = made.relaxation.averaging
    logits.data.copy_(1e4 * torch.eye(len(logits))[0])
    free = weight_of(made)
    for given in (torch.randn(len(logits)), torch.zeros(len(logits))):
        logits.data.copy_(given)
        shares = logits.softmax(0)
        expected = sum(share * moved(made, free, g) for g, share in enumerate(shares))
        torch.testing.assert_close(weight_of(made), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kernel", [GridKernel, Siren])
@pytest.mark.parametrize("layer", [LiftingConv, GroupConv])
def test_kernels_are_mixed_as_their_weights_are(layer: type[Convolution], kernel: object) -> None:
    """Read-outs and grids are mixed before they are read; a kernel of a user's, after it."""
    made = relaxed(layer, Averaged, P4, kernel)
    grid = Cyclic(4).grid(4, torch.float64)[None]
    read = made.kernel_coordinates(grid, grid)
    shares = torch.rand(1, read.shape[2]).double()
    mixture = torch.randn(1, 4, 4).double()
    given = read, shares, made.stencil.spread, mixture
    own = made.relaxation.kernel
    expected = Kernel.windows(own, *given)
    assert expected.shape == (1, 4, 3, 2, read.shape[2], 9)
    torch.testing.assert_close(own.windows(*given), expected, rtol=1e-12, atol=1e-12)


def test_averaging_says_how_much_of_the_group_is_left() -> None:
    relaxation = relaxed(GroupConv, Averaged, P4M).relaxation
    names = ["identity", *Dihedral(4).optional_parts]
    uniform = {f"averaging.{name}": pytest.approx(1 / 8) for name in names}
    assert relaxation.numbers() == {"entropy": pytest.approx(1), **uniform}
    assert relaxation.terms()["kl"].item() == pytest.approx(0, abs=1e-12)
    relaxation.averaging.data[2] = 1e4
    found = relaxation.numbers()
    assert (found["entropy"], found["averaging.rot180"]) == (0, 1)
    assert relaxation.terms()["kl"].item() == pytest.approx(log(8))


@pytest.mark.parametrize("group", [Cyclic(3), Cyclic(8), Dihedral(4), Dihedral(3), Mirror()])
def test_the_cells_of_a_finite_group_are_its_elements(group: Cyclic | Dihedral) -> None:
    cells = Cells(Layer(group, group.size))
    assert cells.names == ["identity", *group.optional_parts]
    assert cells(group.elements()).tolist() == list(range(group.size))
    inverse = cells(group.inverse(group.elements()))
    assert torch.equal(cells.quotients, group.cayley_table()[:, inverse])


@pytest.mark.parametrize("layer", [LiftingConv, GroupConv])
@pytest.mark.parametrize("num_banks", [1, 3])
def test_banks_are_summed_with_the_weights_of_each_element(
    layer: type[Convolution], num_banks: int
) -> None:
    made = relaxed(layer, partial(Banks, num_banks=num_banks))
    weights = made.relaxation.bank_weights
    weights.data.copy_(torch.randn(num_banks, 4))
    each = relaxed(layer, None)
    kernels = [made.kernel, *made.relaxation.kernels]
    expected = torch.zeros_like(weight_of(made))
    for own, kernel in zip(weights, kernels, strict=True):
        each.kernel.weight.data.copy_(kernel.weight)
        factors = (
            own[:, None, None, None, None, None] if layer is LiftingConv else own[:, None, None]
        )
        expected += factors * weight_of(each)
    torch.testing.assert_close(weight_of(made), expected, rtol=1e-12, atol=1e-12)


def test_banks_tell_how_far_their_weights_differ() -> None:
    relaxation = relaxed(GroupConv, Banks).relaxation
    assert relaxation.numbers() == {"spread": pytest.approx(0, abs=1e-12)}
    assert relaxation.terms()["smoothness"] == 0
    relaxation.bank_weights.data.copy_(torch.tensor([[1, 2, 4, 4], [-1, 1, -1, 1]]))
    assert relaxation.terms()["smoothness"].item() == (1 + 3 + 3 + 2 + 2 + 0) + 4 * 2
    weights = torch.tensor([1.0, 2, 4, 4]), torch.tensor([-1.0, 1, -1, 1])
    left = sum((each - each.mean()).square().sum() for each in weights)
    size = sum(each.square().sum() for each in weights)
    assert relaxation.numbers()["spread"] == pytest.approx((left / size).sqrt().item())


@pytest.mark.parametrize("layer", [LiftingConv, GroupConv])
def test_a_filter_bias_is_the_same_for_all_that_comes_in(layer: type[Convolution]) -> None:
    made, strict = relaxed(layer, FilterBias), relaxed(layer, None)
    assert torch.equal(weight_of(made), weight_of(strict))
    bias = made.relaxation.filter_bias
    assert bias.numel() == 4 * 9 * 3
    bias.data.copy_(torch.randn_like(bias))
    num_inputs = 1 if layer is LiftingConv else 4
    added = bias.view(4, 3, 3, 3, 1, 1).permute(0, 3, 4, 5, 1, 2) / num_inputs
    expected = weight_of(strict) + added
    torch.testing.assert_close(weight_of(made), expected, rtol=1e-12, atol=1e-12)
    rms = made.relaxation.numbers()["filter_bias"]
    assert rms == pytest.approx(bias.square().mean().sqrt().item())


@pytest.mark.parametrize("relaxation", [Averaged, Banks, FilterBias])
@pytest.mark.parametrize("sampling", [partial(Sampling, Trivial()), partial(Sampling, SO2(), 1)])
def test_one_element_alone_has_nothing_to_relax(
    relaxation: Callable[..., Relaxation], sampling: Callable[..., Sampling]
) -> None:
    with pytest.raises(Refusal, match=r"^partial=True: .* use partial=False$"):
        relaxed(LiftingConv, relaxation, sampling, Siren)
