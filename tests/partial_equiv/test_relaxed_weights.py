"""Relaxations of the weight, between their two ends: exact equivariance, a free convolution."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from partial_equiv.ck import GridKernel, Siren
from partial_equiv.gconv import (
    Convolution,
    GroupConv,
    LiftingConv,
)
from partial_equiv.groups import O2, SO2, Cyclic
from partial_equiv.relaxations import (
    Averaged,
    Banks,
    Relaxation,
    collected_terms,
    relaxations_of,
)
from partial_equiv.sampling import Sampling
from tests import shipped
from tests.blobs import images
from tests.partial_equiv.moved_weights import moved, moving_pixels, weight_of
from tests.partial_equiv.two_layers import net
from tests.tolerances import EXACT as EXACTLY

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
