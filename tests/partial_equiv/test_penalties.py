"""Penalties: what they measure, what they refuse, and what their limit is."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from config_schema import ConfigError
from constructors import Build, check, compose
from partial_equiv.groups import SO2, Cyclic, Finite
from partial_equiv.groups.pixels import permute_pixels
from partial_equiv.penalties import Batch, EquivarianceError, Penalty, Projection, Symmetry
from partial_equiv.penalties.equivariance_error import moved
from partial_equiv.penalties.turns import group_of
from tests.blobs import images
from tests.tolerances import BROKEN, EXACT

PLAIN = ("base_group=T2", "conv.partial=False", "kernel=grid")
CELLS = ("dataset=unit_cells", "task=regression", "net=cells", "net.hidden_channels=8")
NETS = {  # the net of these words, and the side of images that its strides allow
    "gcnn": (("net=gcnn", "net.hidden_channels=8"), 16),
    "residual": (("net=resnet44", "net.hidden_channels=8", "net.blocks=[1,1,1]"), 13),
    "parity": (("net=parity", "net.strides=[1,1,1]", "net.hidden_channels=8"), 9),
    "cells": (CELLS, 64),
    "not divisible": (("net=one_conv", "net.hidden_channels=3", "net.stride=1"), 7),
}


def plain_net() -> nn.Module:
    """An ordinary CNN, of no layer of ours, in float64."""
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, padding=1)),
        *(nn.PReLU(16), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(16, 3)),
    ).double()


def stirred(model: nn.Module) -> nn.Module:
    """The model with all parameters and running statistics drawn anew, for evaluation."""
    generator = torch.Generator().manual_seed(1)
    for name, each in [*model.named_parameters(), *model.named_buffers()]:
        if isinstance(each, nn.Parameter) or "running" in name:
            shift = 0.5 if "running_var" in name else -0.4
            each.data = shift + torch.rand(each.shape, generator=generator).double()
    return model.double().eval().requires_grad_(False)


def broken(model: nn.Module, group: Finite, symmetry: Symmetry, x: Tensor) -> float:
    """The largest error of f(gx) = g f(x) on a group, over that of f(x) of another image."""
    said = model(x)
    errors = [
        (model(permute_pixels(h, x)) - symmetry.move(h, said)).abs().max()
        for h in group.matrix(group.elements(torch.float64))
    ]
    return (max(errors) / (said - said.flip(0)).abs().max()).item()


def assert_projected(model: nn.Module, penalty: Projection, symmetry: Symmetry, x: Tensor) -> None:
    """The net is broken, and exact once its weights are projected, which is done once for all."""
    group = group_of(penalty.order, penalty.mirror)
    assert isinstance(group, Finite)
    penalty.check(model, symmetry)
    assert broken(model, group, symmetry, x) > BROKEN * EXACT[torch.float64]
    free = penalty.numbers(model, symmetry)
    assert all(0.1 < value < 1 for value in free.values()), "of which the mean was drawn as well"
    penalty.project_weights_(model, symmetry)
    assert penalty.numbers(model, symmetry) == pytest.approx(dict.fromkeys(free, 0), abs=1e-7)
    assert broken(model, group, symmetry, x) < EXACT[torch.float64]
    kept = {name: each.clone() for name, each in model.state_dict().items()}
    batch = Batch(model, x, model(x), symmetry, torch.Generator())
    assert penalty.terms(model, batch)["perpendicular"] < 1e-12
    penalty.project_weights_(model, symmetry)
    for name, each in model.state_dict().items():
        torch.testing.assert_close(each, kept[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "order", "mirror"),
    [
        *((name, 4, True) for name in NETS),
        ("gcnn", 4, False),
        ("cells", 4, False),
        ("gcnn", 2, False),
    ],
)
def test_a_projected_net_is_a_strict_one(name: str, order: int, mirror: bool) -> None:
    words, size = NETS[name]
    build = Build(compose([*PLAIN, *words]))
    symmetry = build.task.symmetry(build.spec)
    assert symmetry is not None
    x = images(2, build.spec.in_channels, size, size)
    model = stirred(build.model)
    assert_projected(model, Projection(order=order, mirror=mirror), symmetry, x)


@pytest.mark.parametrize(("order", "mirror"), [(4, True), (1, True)])
def test_so_is_an_ordinary_cnn(order: int, mirror: bool) -> None:
    penalty = Projection(order=order, mirror=mirror, project=True)
    assert_projected(stirred(plain_net()), penalty, Symmetry(SO2()), images(2, 2, 8, 8))


def test_the_two_parts_of_the_weights_are_perpendicular() -> None:
    penalty, model = Projection(mirror=True), plain_net()
    pairs = list(penalty._projected(model, Symmetry(SO2()), statistics=False))
    assert {id(weight.value) for weight, _ in pairs} == {id(each) for each in model.parameters()}
    for weight, mean in pairs:
        inside, outside = (each.norm().item() for each in (mean, weight.value - mean))
        assert inside**2 + outside**2 == pytest.approx(weight.value.norm().item() ** 2, rel=1e-12)


def test_the_error_is_that_of_one_drawn_element() -> None:
    model, x = plain_net().eval(), images(3, 2, 7, 7)
    penalty, said = EquivarianceError(order=4), plain_net().eval()(x)
    found = set()
    for seed in range(12):
        generator = torch.Generator().manual_seed(seed)
        batch = Batch(model, x, said, Symmetry(SO2()), generator)
        found.add(round(penalty.terms(model, batch)["equivariance_error"].item(), 12))
    turns = [(model(x.rot90(k, (-2, -1))) - said).square().sum(1).mean() for k in range(4)]
    assert found == {round(each.item(), 12) for each in turns}


def test_other_turns_move_the_disc_and_leave_the_corners() -> None:
    x = images(1, 1, 9, 9)
    there = moved(SO2().matrix(torch.tensor([0.5], dtype=torch.float64)), x)
    assert torch.equal(there[..., 0, 0], x[..., 0, 0])
    assert not torch.equal(there[..., 4, 0], x[..., 4, 0])
    nothing = moved(SO2().matrix(torch.tensor([2e-5], dtype=torch.float64)), x)
    torch.testing.assert_close(nothing, x, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    "words",
    [
        ("base_group=cyclic", "base_group.order=4", "kernel=grid", "conv.partial=False"),
        ("base_group=SE2", "conv.partial=False"),
        (*CELLS, "base_group=dihedral"),
    ],
)
def test_a_strict_net_has_no_error(words: tuple[str, ...]) -> None:
    build = Build(compose(["net.hidden_channels=4", *words]))
    symmetry, model = build.task.symmetry(build.spec), build.model.double().eval()
    assert symmetry is not None
    x = images(2, 1, *build.spec.size)
    batch = Batch(model, x, model(x), symmetry, torch.Generator().manual_seed(1))
    error = EquivarianceError(order=4).terms(model, batch)["equivariance_error"]
    assert error < EXACT[torch.float64]


@pytest.mark.parametrize("penalty", [Projection(mirror=True), EquivarianceError(order=3)])
def test_gradients_are_those_of_finite_differences(penalty: Penalty) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
    ).double()
    x = images(2, 1, 5, 5)

    def value(*_: Tensor) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(0)
        batch = Batch(model, x, model(x), Symmetry(SO2()), generator)
        return tuple(penalty.terms(model, batch).values())

    assert torch.autograd.gradcheck(value, tuple(model.parameters()))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["penalty=[projection]", "conv.partial=False"],
            "penalty=projection: lifting is tied over SO2",
        ),
        (
            ["penalty=[projection]", *PLAIN[:2]],
            "penalty=projection: lifting has the kernel Siren, .* use kernel=grid",
        ),
        (
            ["penalty=[projection]", *PLAIN, "penalty.projection.order=3"],
            "penalty.projection.order=3: turns that do not map pixels to pixels, use 1, 2 or 4",
        ),
        (
            ["penalty=[equivariance_error]", *CELLS, "penalty.equivariance_error.order=8"],
            "penalty.equivariance_error.order=8: turns .* no symmetries of periodic cells",
        ),
        (
            ["penalty=[equivariance_error]", "net=vae_mlp", "task=elbo"],
            "penalty=equivariance_error: it is not known how the answers of this task move",
        ),
        (["penalty=[equivariance_error]", "penalty.equivariance_error.beta=-1"], "beta=-1"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(words: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as error:
        check(compose([*([] if "task" in str(words) else ["net.widths=[1]"]), *words]))
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda net: net.append(nn.Conv2d(8, 8, 3)), None),  # what comes after is free
        (lambda net: net.insert(3, nn.Conv2d(8, 8, 3, groups=2)), "3 is grouped"),
        (lambda net: net.insert(3, nn.Conv2d(8, 8, (1, 3))), "no square"),
        (lambda net: net.insert(3, nn.ConvTranspose2d(8, 8, 3)), "3.weight is none of these"),
        (lambda net: net.pop(5), "7 reads|6 reads"),
    ],
)
def test_the_layers_it_knows(change: Callable[[nn.Sequential], object], told: str | None) -> None:
    net = plain_net()
    assert isinstance(net, nn.Sequential)
    change(net)
    if told == "7 reads|6 reads":
        net[-1] = nn.Linear(16 * 36, 3).double()
    if told is None:
        Projection().check(net, Symmetry(Cyclic(4)))
        return
    with pytest.raises(ValueError, match=told):
        Projection().check(net, Symmetry(Cyclic(4)))
