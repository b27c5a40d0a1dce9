"""The contract of a continuous kernel, for every one that cfg/kernel ships (grid: test_grid)."""

import pytest
import torch
from torch import Tensor

from partial_equiv.ck import ContinuousKernel, GaborNet, MAGNet, Siren
from partial_equiv.groups import SO2
from tests import shipped


@pytest.fixture(params=[2, 4, 0])
def in_coordinates(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(params=[name for name in shipped.names("kernel") if name != "grid"])
def kernel(request: pytest.FixtureRequest, in_coordinates: int) -> ContinuousKernel:
    torch.manual_seed(0)
    return shipped.option("kernel", request.param)(in_coordinates, 6, 3)


@pytest.fixture
def coordinates(in_coordinates: int) -> Tensor:
    return 2 * torch.rand(7, 5, in_coordinates, generator=torch.Generator().manual_seed(1)) - 1


def test_weights_are_a_linear_read_out_of_the_basis(
    kernel: ContinuousKernel, coordinates: Tensor
) -> None:
    weights = kernel(coordinates)
    assert weights.shape == (7, 5, 6, 3)
    basis = kernel.basis(coordinates)
    flat = basis @ kernel.readout.weight.T + kernel.readout.bias
    torch.testing.assert_close(weights, flat.unflatten(-1, (6, 3)))


def test_every_parameter_gets_a_gradient(kernel: ContinuousKernel, coordinates: Tensor) -> None:
    kernel(coordinates).square().sum().backward()
    for name, parameter in kernel.named_parameters():
        assert parameter.grad is not None, name
        if kernel.in_coordinates:  # else a window around no axes has no width to learn
            assert parameter.grad.abs().sum() > 0, name


def test_coordinates_get_a_gradient(kernel: ContinuousKernel, coordinates: Tensor) -> None:
    """Through it flows the gradient of a learned range."""
    kernel = kernel.double()
    function = lambda c: kernel(c).sum((-2, -1))  # noqa: E731
    points = coordinates[:2, :2].double().requires_grad_()
    if points.numel():
        assert torch.autograd.gradcheck(function, points)


def test_scaled_read_out_gives_the_variance_asked_for(
    kernel: ContinuousKernel, coordinates: Tensor
) -> None:
    wide = type(kernel)(kernel.in_coordinates, 60, 60)
    wide.initialise(SO2(), coordinates[None, None], 0.25)  # 7 elements read, 5 taps
    assert wide(coordinates).square().mean().item() == pytest.approx(7 * 0.25, rel=0.3)


def test_a_narrowed_kernel_has_the_same_basis(
    kernel: ContinuousKernel, coordinates: Tensor
) -> None:
    narrow = kernel.narrowed(2, 5)
    torch.testing.assert_close(narrow.basis(coordinates), kernel.basis(coordinates))
    assert narrow(coordinates).shape == (7, 5, 2, 5)
    assert kernel(coordinates).shape == (7, 5, 6, 3)


def test_siren_has_its_published_initialisation() -> None:
    kernel = Siren(4, 1, 1, hidden_channels=64, omega0=10.0)
    first, second = kernel.layers
    assert 0.9 / 4 < first.weight.abs().max() <= 1 / 4
    bound = (6 / 64) ** 0.5 / 10
    assert 0.9 * bound < second.weight.abs().max() <= bound


def test_learned_omega0_changes_the_kernel() -> None:
    kernel = Siren(2, 1, 1, learn_omega0=True)
    kernel(torch.rand(5, 2)).sum().backward()
    assert kernel.omega0.grad != 0
    assert "omega0" in dict(kernel.named_parameters())


def test_magnet_has_a_width_for_every_axis() -> None:
    assert GaborNet(4, 1, 1, hidden_channels=8).filters[0].gamma.shape == (8, 1)
    assert MAGNet(4, 1, 1, hidden_channels=8).filters[0].gamma.shape == (8, 4)
