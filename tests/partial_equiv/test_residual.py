"""The residual relaxation: from the strict layer to a free convolution, and what controls it."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev

from partial_equiv.ck import GridKernel, MAGNet, Siren
from partial_equiv.gconv import (
    Activation,
    AveragedConv,
    Convolution,
    GroupConv,
    GroupFeature,
    GroupPool,
    LiftingConv,
)
from partial_equiv.groups import O2, SO2, Cyclic, Mirror
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations import Layer, Residual, after_step, set_progress
from partial_equiv.relaxations.controllers import Partial, Strict
from partial_equiv.sampling import Sampling
from tests.blobs import images
from tests.tolerances import BROKEN, EXACT

CONTROLS = ("free", "prior", "strict", "partial", "schedule")
SIREN = partial(Siren, hidden_channels=8)
KINDS = {
    "siren SE2": {"kernel": SIREN, "sampling": partial(Sampling, SO2(), 4)},
    "siren E2": {"kernel": SIREN, "sampling": partial(Sampling, O2(), 8)},
    "magnet p4": {"kernel": MAGNet, "sampling": partial(Sampling, Cyclic(4))},
    "grid p4": {"kernel": GridKernel, "sampling": partial(Sampling, Cyclic(4))},
}


def net(kind: str, relaxation: object = None, **settings: object) -> nn.Sequential:
    """Two layers, in float64; strict ones without a relaxation."""
    torch.manual_seed(0)
    made = KINDS[kind] | settings
    if relaxation is not None:
        made |= {"partial": True, "relaxation": relaxation}
    layers = LiftingConv(1, 3, **made), Activation(), GroupConv(3, 2, **made), GroupPool()
    return nn.Sequential(*layers).double()


def turning(model: nn.Module) -> float:
    """How far a quarter turn of the image is from one of what the model writes."""
    x = images(2, 1, 7, 7)
    with torch.no_grad():
        difference = model(x.rot90(1, (-2, -1))) - model(x).rot90(1, (-2, -1))
    return difference.abs().max().item()


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_gamma_0_is_the_strict_net_bit_for_bit_and_1_is_not(kind: str, rank: int | None) -> None:
    x = images(2, 1, 7, 7)
    for gamma in (0.0, 1.0):
        relaxation = partial(Residual, control="free", gamma=gamma)
        model = net(kind, relaxation, rank=rank)
        strict = net(kind, rank=rank)
        assert strict.load_state_dict(model.state_dict(), strict=False).missing_keys == []
        assert torch.equal(model(x), strict(x)) == (gamma == 0)
        assert (turning(model) < EXACT[torch.float64]) == (gamma == 0)
    assert turning(model) > BROKEN * EXACT[torch.float64]


@pytest.mark.parametrize("kind", ["siren SE2", "grid p4"])
@pytest.mark.parametrize("layer", [LiftingConv, GroupConv])
def test_it_can_be_any_convolution(kind: str, layer: type[Convolution]) -> None:
    """Of the layer's shape: V's linear parameters solve for random weights."""
    torch.manual_seed(0)
    made = dict(KINDS[kind])
    if made["kernel"] is SIREN:
        made["kernel"] = partial(Siren, hidden_channels=128)
    conv = layer(1, 2, **made, partial=True, relaxation=partial(Residual, control="free")).double()
    grid = conv.sampling.group.grid(4).double()[None]
    inputs = grid if conv.relative else conv.sampling.group.identity().double()[None, None]
    feature = GroupFeature(images(1, 1, inputs.shape[1], 5, 5), inputs)
    last = "kernel.readout" if conv.kernel.independent is False else "weight"
    solved = {k: v for k, v in conv.relaxation.free.named_parameters() if k.startswith(last)}

    def weights(parameters: dict[str, Tensor]) -> Tensor:
        names = {f"relaxation.free.{name}": value for name, value in parameters.items()}
        return functional_call(
            Generates(conv, grid), {f"conv.{k}": v for k, v in names.items()}, (feature,)
        )

    target = images(*weights(solved).shape, seed=1)
    if not conv.kernel.square:
        disc = torch.tensor([[0, 1, 0], [1, 1, 1], [0, 1, 0]]).double()
        target = target * disc
    columns = jacrev(weights)(solved)
    design = torch.cat([each.reshape(target.numel(), -1) for each in columns.values()], 1)
    left = (target - weights(solved)).reshape(-1, 1)
    step = torch.linalg.lstsq(design, left, driver="gelsd").solution[:, 0]
    sizes = [value.numel() for value in solved.values()]
    for value, change in zip(solved.values(), step.split(sizes), strict=True):
        value.data += change.view_as(value)
    torch.testing.assert_close(weights(solved), target, rtol=0, atol=1e-6)


class Generates(nn.Module):
    """A layer as a function of its parameters."""

    def __init__(self, conv: Convolution, elements: Tensor) -> None:
        super().__init__()
        self.conv, self.elements = conv, elements

    def forward(self, feature: GroupFeature) -> Tensor:
        return self.conv.kernel_weights(feature, self.elements)


@pytest.mark.parametrize("kind", ["siren SE2", "grid p4"])
@pytest.mark.parametrize("control", CONTROLS)
def test_gradients_are_finite_differences(control: str, kind: str) -> None:
    """Of what the layer writes and of the terms of the loss, for all parameters of its own."""
    model = net(kind, partial(Residual, control=control, gamma=0.7))
    set_progress(model, 0.4)
    for module in model.modules():
        if isinstance(module, Strict):
            module.multiplier.fill_(0.3)
    relaxation, x = model[2].relaxation, images(1, 1, 3, 3)
    names, values = zip(*relaxation.named_parameters(prefix="2.relaxation"), strict=True)

    def outcome(*given: Tensor) -> Tensor:
        parameters = dict(zip(names, given, strict=True))
        out = functional_call(model, parameters, (x,)).sum()
        own = {name.removeprefix("2.relaxation."): each for name, each in parameters.items()}
        terms = functional_call(Terms(relaxation), {f"of.{k}": v for k, v in own.items()}, ())
        return torch.stack([out, *terms])

    assert torch.autograd.gradcheck(outcome, values, fast_mode=True)


class Terms(nn.Module):
    """The terms of a relaxation as a function of its parameters."""

    def __init__(self, relaxation: Residual) -> None:
        super().__init__()
        self.of = relaxation

    def forward(self) -> list[Tensor]:
        return list(self.of.terms().values())


@pytest.mark.parametrize("kind", KINDS)
def test_priors_are_those_of_the_weights(kind: str) -> None:
    """‖·‖² is averaged over h and h' and summed over the rest, as that of `kernel_norm` is."""
    sigmas = {"sigma_equivariant": 2.0, "sigma_free": 0.5}
    model = net(kind, partial(Residual, control="prior", **sigmas))
    for conv in (model[0], model[2]):
        grid = conv.whole_group()
        inputs = grid if conv.relative else conv.sampling.group.identity().double()[None, None]
        feature = GroupFeature(images(1, 1, inputs.shape[1], 3, 3), inputs)
        conv.relaxation.controller.gamma.fill_(0)
        ours = conv.kernel_weights(feature, grid)
        conv.relaxation.controller.gamma.fill_(1)
        free = conv.kernel_weights(feature, grid) - ours
        scale = inputs.shape[1] / grid.shape[1]  # a weight of h' is a G_in-th of what is averaged
        norm = scale * free.square().sum()
        expected = conv.kernel_norm() / (2 * 2.0**2) + norm / (2 * 0.5**2)
        assert conv.relaxation.terms()["prior"].item() == pytest.approx(expected.item(), rel=1e-6)


def train(model: nn.Module, steps: int = 6) -> None:
    """Some steps for a target that no equivariant net writes."""
    x, target = images(2, 1, 7, 7), images(2, 2, 7, 7, seed=1)
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    model.train()
    for step in range(steps):
        set_progress(model, step / steps)
        optimizer.zero_grad()
        terms = [v for each in (model[0], model[2]) for v in each.relaxation.terms().values()]
        ((model(x) - target).square().mean() + torch.stack(terms).sum() * 1e-3).backward()
        optimizer.step()
        after_step(model)


@pytest.mark.parametrize("control", ["schedule", "strict"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_ends_strict_is_exactly_equivariant(kind: str, control: str) -> None:
    """Whatever the training has done in between, and whenever it ends."""
    model = net(kind, partial(Residual, control=control))
    train(model)
    assert turning(model) > BROKEN * EXACT[torch.float64]
    model.eval()
    assert turning(model) < EXACT[torch.float64]
    strict = net(kind).eval()
    strict.load_state_dict(model.state_dict(), strict=False)
    assert torch.equal(model(images(2, 1, 7, 7)), strict(images(2, 1, 7, 7)))


def test_a_schedule_rises_and_falls() -> None:
    model = net("grid p4", partial(Residual, control="schedule", gamma=2.0))
    found = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        set_progress(model, share)
        found.append(model[0].relaxation.numbers()["gamma"])
    assert found == [0, 1, 2, 1, 0]


def test_duals_solve_their_problems() -> None:
    """min ½(γ - 1)²: with γ = 0, where λ is the force 1; with a slack of cost ρ, at 1/(1 + ρ)."""
    for control, gamma, multiplier in (
        (Strict(1.0, 0.1, 3.0), 0.0, 1.0),
        (Partial(1.0, 0.1, 3.0), 0.25, 0.75),
    ):
        optimizer = torch.optim.SGD(control.parameters(), 0.1)
        for _ in range(400):
            optimizer.zero_grad()
            loss = (control.gamma - 1).square() / 2
            (loss + control.terms(loss.clone, loss.clone)["dual"]).backward()
            optimizer.step()
            control.after_step()
        assert control.numbers() == pytest.approx(
            {"gamma": gamma, "multiplier": multiplier}, abs=1e-3
        )


@pytest.mark.parametrize("size", [8, 9])
def test_an_averaged_convolution_becomes_an_ordinary_one(size: int) -> None:
    """Without W_eq, and with V = ψ at the identity and 0 at the mirror: half of a convolution."""
    torch.manual_seed(0)
    relaxation = partial(Residual, control="free", gamma=1.0)
    mirror = {"kernel": GridKernel, "sampling": partial(Sampling, Mirror()), "bias": False}
    block = AveragedConv(1, 2, **mirror, stride=2, partial=True, relaxation=relaxation).double()
    block.kernel.weight.data.zero_()
    free = block.relaxation.free.weight.data
    free[1] = 0
    x = images(1, 1, size, size)
    expected = nn.functional.conv2d(x, free[0, :, :, 0].unflatten(-1, (3, 3)), stride=2, padding=1)
    torch.testing.assert_close(block(x).x[:, :, 0], expected / 2, rtol=1e-10, atol=1e-12)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(Refusal, match="the trivial group has no symmetry to relax"):
        Residual(Layer(Cyclic(1), 1))
    with pytest.raises(Refusal, match="no kernel"):
        Residual(Layer(SO2(), 4))
    with pytest.raises(Refusal, match=r"sigma_free=1.0: must be less than sigma_equivariant=1"):
        net("grid p4", partial(Residual, sigma_free=1.0))
