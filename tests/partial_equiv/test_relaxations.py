"""The contract of a relaxation, for every shipped one on every shipped group."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from partial_equiv.ck import GridKernel, Reading, Siren
from partial_equiv.gconv import (
    Activation,
    AveragedConv,
    Convolution,
    GroupConv,
    GroupPool,
    LiftingConv,
    frozen_kernels,
)
from partial_equiv.groups import O2, SO2, Cyclic, Mirror
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations import (
    Averaged,
    Banks,
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
from tests.partial_equiv.moved_weights import moved, moving_pixels, weight_of
from tests.tolerances import EXACT as EXACTLY


def net(base_group: str, relaxation: object, **settings: object) -> nn.Sequential:
    """Two layers with a relaxation, in float64."""
    torch.manual_seed(0)
    settings = {"partial": True, "relaxation": relaxation, **settings}
    lifting, conv = shipped.layers(base_group, **settings)
    return nn.Sequential(lifting(1, 4), Activation(), conv(4, 3), GroupPool()).double()


def made_or_refused(
    base_group: str, relaxation: object, separable: bool
) -> nn.Sequential | Refusal:
    """The net, or why there is none."""
    try:
        return net(base_group, relaxation, separable=separable)
    except Refusal as refused:
        return refused


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("base_group", shipped.names("base_group"))
@pytest.mark.parametrize("name", shipped.names("relaxation"))
def test_the_contract(name: str, base_group: str, separable: bool) -> None:
    """What its mathematics does not allow, such as to relax a trivial group, it says in a line."""
    keeps_the_contract(shipped.option("relaxation", name), base_group, separable)


@pytest.mark.parametrize("base_group", ["mirror", "E2"])
@pytest.mark.parametrize("control", ["free", "strict", "partial", "schedule"])
def test_the_contract_under_every_control(control: str, base_group: str) -> None:
    keeps_the_contract(shipped.option("relaxation", "residual", control=control), base_group, False)


def keeps_the_contract(relaxation: object, base_group: str, separable: bool) -> None:
    """All that the app asks of a relaxation."""
    model = made_or_refused(base_group, relaxation, separable)
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
    other = net(base_group, relaxation, separable=separable)
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


@pytest.mark.parametrize("separable", [False, True])
def test_a_relaxation_may_change_the_weight_over_the_group(separable: bool) -> None:
    """One that no YAML ships: γ = 0 is the strict net, any other γ breaks quarter turns."""

    def turned(model: nn.Module) -> Tensor:
        return (model(x.rot90(1, (-2, -1))) - model(x).rot90(1, (-2, -1))).detach().abs().max()

    x = images(2, 1, 7, 7)
    for gamma in (0.0, 1.0):
        model = net("SE2", partial(Absolute, gamma=gamma), separable=separable)
        strict = net("SE2", None, partial=False, separable=separable)
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


Setting = Callable[[Relaxation], None]


def spread_out(relaxation: Averaged) -> None:
    """λ all on the identity: a free weight."""
    relaxation.averaging.data[0] = 1e4


def one_bank_each(relaxation: Banks) -> None:
    """The l-th bank at the l-th element alone: a free weight."""
    relaxation.bank_weights.data.copy_(torch.eye(len(relaxation.cells)))


def nothing(relaxation: Relaxation) -> None:
    """As it is made."""


EXACT: Mapping[str, Setting] = {"averaged": nothing, "banks": nothing, "filter_bias": nothing}
"""Of the relaxations that change the weight: how to make the layer exactly equivariant."""
FREE: Mapping[str, tuple[Mapping[str, Any], Setting]] = {
    "averaged": ({}, spread_out),
    "banks": ({"num_banks": 4}, one_bank_each),
    "filter_bias": ({"full": True}, nothing),
}
"""How to make it a free convolution, on a group of four elements."""
KERNELS = {"siren": partial(Siren, hidden_channels=48), "grid": GridKernel}
PLACES = [
    (base_group, kernel)
    for base_group in shipped.names("base_group")
    for kernel in KERNELS
    if base_group != "T2" and shipped.is_allowed(base_group, kernel)
]


def relaxed(
    layer: type[Convolution], name: str, sampling: object, kernel: str, **settings: object
) -> Convolution:
    """One layer of two channels, with its parameters drawn anew, in float64."""
    torch.manual_seed(0)
    relaxation = shipped.option("relaxation", name, **settings)
    given = {"kernel": KERNELS[kernel], "sampling": sampling, "kernel_size": 3}
    return layer(2, 2, **given, partial=True, relaxation=relaxation).double()


@pytest.mark.parametrize("layer", [LiftingConv, GroupConv])
@pytest.mark.parametrize(("base_group", "kernel"), PLACES)
@pytest.mark.parametrize("name", EXACT)
def test_at_its_exact_setting_the_weight_is_its_own_projection(
    name: str, base_group: str, kernel: str, layer: type[Convolution]
) -> None:
    """Every g leaves it as it is, so the layer is a strict one with this weight; with any other
    parameters, some g does not."""
    made = relaxed(layer, name, shipped.sampling(base_group), kernel)
    EXACT[name](made.relaxation)
    moves = moving_pixels(made)
    assert len(moves) > 1

    def defect() -> float:
        weight = weight_of(made)
        return max((moved(made, weight, i) - weight).abs().max().item() for i in moves)

    assert defect() < EXACTLY[torch.float64]
    for parameter in made.relaxation.parameters():
        parameter.data.add_(torch.randn_like(parameter))
    assert defect() > 1e-3


@pytest.mark.parametrize("base_group", ["p4", "dihedral", "E2"])
@pytest.mark.parametrize("name", EXACT)
def test_at_its_exact_setting_the_net_is_exactly_equivariant(name: str, base_group: str) -> None:
    within = {"rtol": 0, "atol": EXACTLY[torch.float64]}
    model = net(base_group, shipped.option("relaxation", name))
    for _, relaxation in relaxations_of(model):
        EXACT[name](relaxation)
    x = images(2, 1, 7, 7)
    torch.testing.assert_close(model(x.rot90(1, (2, 3))), model(x).rot90(1, (2, 3)), **within)
    if base_group != "p4":
        torch.testing.assert_close(model(x.flip(-1)), model(x).flip(-1), **within)


@pytest.mark.parametrize("layer", [LiftingConv, GroupConv])
@pytest.mark.parametrize(
    ("sampling", "kernel"),
    [
        (partial(Sampling, Cyclic(4)), "siren"),
        (partial(Sampling, Cyclic(4)), "grid"),
        (partial(Sampling, SO2(), 4), "siren"),
        (partial(Sampling, O2(), 4), "siren"),
    ],
)
@pytest.mark.parametrize("name", FREE)
def test_at_its_free_setting_the_layer_is_any_convolution(
    name: str, sampling: Callable[..., Sampling], kernel: str, layer: type[Convolution]
) -> None:
    settings, free = FREE[name]
    made = relaxed(layer, name, sampling, kernel, **settings)
    free(made.relaxation)
    linear = [
        parameter
        for key, parameter in made.named_parameters()
        if re.search(r"(readout\.(weight|bias)|kernels?(\.\d)?\.weight|filter_bias)$", key)
    ]
    weight = weight_of(made)
    inside = weight.abs().sum((0, 1, 2, 3)) > 0  # the disc, or the square
    wanted = torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)).double() * inside
    rows = torch.eye(weight.numel(), dtype=torch.float64).view(-1, *weight.shape)
    slopes = torch.autograd.grad(weight, linear, rows, is_grads_batched=True)
    matrix = torch.cat([each.flatten(1) for each in slopes], 1)
    change = torch.linalg.lstsq(matrix, (wanted - weight).detach().flatten(), driver="gelsd")
    sizes = [parameter.numel() for parameter in linear]
    for parameter, step in zip(linear, change.solution.split(sizes), strict=True):
        parameter.data.add_(step.view_as(parameter))
    torch.testing.assert_close(weight_of(made), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("base_group", ["p4", "SE2"])
@pytest.mark.parametrize("name", EXACT)
def test_the_gradients_of_its_own_parameters_are_finite_differences(
    name: str, base_group: str
) -> None:
    model = net(base_group, shipped.option("relaxation", name), kernel_size=3)
    own = [each for _, relaxation in relaxations_of(model) for each in relaxation.parameters()]
    for parameter in own:
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    x = images(1, 1, 5, 5)

    def value(*parameters: Tensor) -> Tensor:
        with collected_terms(model) as terms:
            out = model(x).square().mean()
            return out + sum(terms.totals().values())

    assert torch.autograd.gradcheck(value, own, fast_mode=True)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("scope", ["network", "layer", "element"])
def test_a_random_shift_of_the_grid_stays_within_its_cells(name: str, scope: str) -> None:
    """Also where each image has a shift of its own."""
    random = partial(Sampling, O2(), 8, sampling="random", scope=scope)
    layer = relaxed(LiftingConv, name, random, "siren")
    elements = layer(images(5, 2, 5, 5)).elements
    assert elements.shape[0] == (5 if scope == "element" else 1)
    assert (layer.relaxation.cells(elements) == torch.arange(8)).all()
    net(
        "E2",
        shipped.option("relaxation", name),
        sampling=shipped.sampling("E2", sampling="random", scope=scope),
    )(images(2, 1, 5, 5))
