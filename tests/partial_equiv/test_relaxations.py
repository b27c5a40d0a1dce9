"""The contract of a relaxation, for every shipped one on every shipped group."""

import re
from functools import partial
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from partial_equiv.ck import GridKernel, Reading, Siren
from partial_equiv.gconv import (
    AveragedConv,
    GroupConv,
    LiftingConv,
    frozen_kernels,
)
from partial_equiv.groups import SO2, Mirror
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations import (
    Layer,
    LearnedSubset,
    Relaxation,
    collected_terms,
    numbers,
    project_,
    relaxations_of,
    set_progress,
)
from partial_equiv.sampling import Sampling
from tests import shipped
from tests.blobs import images
from tests.partial_equiv.two_layers import net


def made_or_refused(
    base_group: str, relaxation: object, rank: int | None
) -> nn.Sequential | Refusal:
    """The net, or why there is none."""
    try:
        return net(base_group, relaxation, rank=rank)
    except Refusal as refused:
        return refused


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("base_group", shipped.names("base_group"))
@pytest.mark.parametrize("name", shipped.names("relaxation"))
def test_the_contract(name: str, base_group: str, rank: int | None) -> None:
    """What its mathematics does not allow, such as to relax a trivial group, it says in a line."""
    keeps_the_contract(shipped.option("relaxation", name), base_group, rank)


@pytest.mark.parametrize("base_group", ["mirror", "E2"])
@pytest.mark.parametrize("control", ["free", "strict", "partial", "schedule"])
def test_the_contract_under_every_control(control: str, base_group: str) -> None:
    keeps_the_contract(shipped.option("relaxation", "residual", control=control), base_group, None)


def keeps_the_contract(relaxation: object, base_group: str, rank: int | None) -> None:
    """All that the app asks of a relaxation."""
    model = made_or_refused(base_group, relaxation, rank)
    if isinstance(model, Refusal):
        assert re.fullmatch(r"[\w.]+=.*: .*", str(model))
        assert not (relaxation.func.chooses and shipped.has_subset(base_group)), model
        return
    assert shipped.has_subset(base_group)
    relaxations = [relaxation for _, relaxation in relaxations_of(model)]
    assert [layer for layer, _ in relaxations_of(model)] == ["0", "2"]
    x = images(3, 1, 6, 6)
    with collected_terms(model) as terms:
        out = model(x)
        totals = terms.totals()
    assert out.dtype == torch.float64
    for each in relaxations:
        assert totals.keys() <= each.penalties.keys()
        assert each.terms().keys() <= each.penalties.keys()
        assert all(weight >= 0 for weight in each.penalties.values())
        assert all(rate > 0 for rate in each.rates.values())
    assert all(value.shape == () and value.isfinite() for value in totals.values())
    (out.square().sum() + sum(totals.values())).backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key

    found = numbers(model)
    assert all(isinstance(value, float) for value in found.values())
    kept = {key: value.clone() for key, value in model.state_dict().items()}
    project_(model)
    assert all(torch.equal(value, kept[key]) for key, value in model.state_dict().items())
    assert numbers(model) == found, "a fresh relaxation is where it makes sense"
    for share in (0.0, 0.5, 1.0):
        set_progress(model, share)

    model.eval()
    with torch.no_grad():
        expected = model(x)
        assert torch.equal(model(x), expected), "evaluation is deterministic"
        with frozen_kernels(model):
            again = [model(x) for _ in range(2)][-1]
    torch.testing.assert_close(again, expected, rtol=1e-10, atol=1e-12)
    other = net(base_group, relaxation, rank=rank)
    other.load_state_dict(kept)
    torch.testing.assert_close(other.eval()(x), expected, rtol=0, atol=0)


@pytest.mark.parametrize("base_group", shipped.names("base_group"))
def test_the_relaxation_that_does_nothing_is_the_strict_net(base_group: str) -> None:
    strict, nothing = (
        net(base_group, lambda layer: Relaxation(), partial=each) for each in (False, True)
    )
    x = images(2, 1, 6, 6)
    assert strict.state_dict().keys() == nothing.state_dict().keys()
    assert torch.equal(strict(x), nothing(x))
    assert not numbers(nothing)


class Absolute(Relaxation):
    """W + γ·V with a second kernel V that reads the absolute element h as well."""

    rates: ClassVar = {"gamma": 0.5}
    penalties: ClassVar = {"gamma": 0.0}

    def __init__(self, layer: Layer, gamma: float = 0.0) -> None:
        super().__init__()
        self.group, self.gamma = layer.group, nn.Parameter(torch.tensor(gamma))
        size = layer.coordinates.shape[-1] + layer.group.coordinate_size
        self.kernel = layer.kernel(size, layer.out_channels, layer.in_channels)
        grid = layer.group.grid(layer.num_samples)[None]
        coordinates = self.coordinates(layer.coordinates, grid)
        self.kernel.initialise(layer.group, coordinates, layer.variance)

    def coordinates(self, relative: Tensor, elements: Tensor) -> Tensor:
        own = self.group.coordinates(elements)[:, :, None, None]
        return torch.cat([relative, own.expand(*relative.shape[:-1], -1)], -1)

    def relax(self, weight: Tensor, reading: Reading) -> Tensor:
        coordinates = self.coordinates(reading.coordinates, reading.elements)
        return weight + self.gamma * reading.weight(self.kernel, coordinates)

    def terms(self) -> dict[str, Tensor]:
        return {"gamma": self.gamma.square()}

    def numbers(self) -> dict[str, float]:
        return {"gamma": self.gamma.item()}


@pytest.mark.parametrize("rank", [None, 2])
def test_a_relaxation_may_change_the_weight_over_the_group(rank: int | None) -> None:
    """One that no YAML ships: γ = 0 is the strict net, any other γ breaks quarter turns."""

    def turned(model: nn.Module) -> Tensor:
        return (model(x.rot90(1, (-2, -1))) - model(x).rot90(1, (-2, -1))).detach().abs().max()

    x = images(2, 1, 7, 7)
    for gamma in (0.0, 1.0):
        model = net("SE2", partial(Absolute, gamma=gamma), rank=rank)
        strict = net("SE2", None, partial=False, rank=rank)
        strict.load_state_dict(model.state_dict(), strict=False)
        assert torch.equal(model(x), strict(x)) == (gamma == 0)
        assert (turned(model) > 1e-3) == (gamma != 0)
        assert numbers(model) == {"gamma/0": gamma, "gamma/2": gamma}
        with collected_terms(model) as terms:
            assert terms.totals()["gamma"].item() == 2 * gamma**2
        model(x).square().sum().backward()
        for _, relaxation in relaxations_of(model):
            assert relaxation.gamma.grad.abs() > 0
            read = [each.grad for each in relaxation.kernel.parameters()]
            assert all(each.abs().sum() > 0 for each in read) == (gamma != 0)


def test_its_second_kernel_starts_as_strong_as_that_of_the_layer() -> None:
    torch.manual_seed(0)
    sampling = partial(Sampling, SO2(), 8)
    given = {"kernel": Siren, "sampling": sampling, "partial": True, "relaxation": Absolute}
    for layer, channels in ((LiftingConv(2, 32, **given), 2), (GroupConv(16, 32, **given), 16)):
        grid = SO2().grid(8)[None]
        relative = layer.kernel_coordinates(grid, grid)
        own = layer.relaxation.kernel(layer.relaxation.coordinates(relative, grid))
        powers = [each.square().mean().item() for each in (own, layer.kernel(relative))]
        assert powers[0] == pytest.approx(powers[1], rel=0.1), channels


@pytest.mark.parametrize("size", [8, 9])
def test_an_averaged_convolution_uses_the_weight_of_every_element(size: int) -> None:
    """Also where it moves the maps: twice the kernel at the mirror is w(e) + 2 w(m) there."""

    class Doubled(Relaxation):
        def relax(self, weight: Tensor, reading: Reading) -> Tensor:
            return weight * torch.tensor([1.0, 2.0]).double()[:, None, None, None, None, None]

    def block(relaxation: object, **settings: object) -> AveragedConv:
        torch.manual_seed(0)
        mirror = {"kernel": GridKernel, "sampling": partial(Sampling, Mirror())}
        return AveragedConv(
            1, 2, **mirror, stride=2, bias=False, relaxation=relaxation, **settings
        ).double()

    x = images(1, 1, size, size)
    whole = block(LearnedSubset, partial=False)(x).x
    alone = block(LearnedSubset, partial=True).eval()
    alone.relaxation.keep_logits.data.fill_(-1)
    doubled = block(lambda layer: Doubled(), partial=True)(x).x
    expected = 2 * whole - alone(x).x / 2
    torch.testing.assert_close(doubled, expected, rtol=1e-10, atol=1e-12)
