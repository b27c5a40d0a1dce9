"""Subsets that depend on the input: their KL terms, their gradients, their invariance."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Uniform, kl_divergence
from torch.utils.checkpoint import checkpoint

from partial_equiv.gconv import Activation, GroupPool, frozen_kernels
from partial_equiv.relaxations import (
    InputSubset,
    LearnedSubset,
    Relaxation,
    collected_terms,
    relaxations_of,
)
from partial_equiv.relaxations.borders import project
from partial_equiv.relaxations.input_subset import FLOOR, bernoulli_kl, uniform_kl
from tests import shipped
from tests.tolerances import EXACT

PARTIAL = [name for name in shipped.names("base_group") if shipped.has_subset(name)]


def model(
    base_group: str, relaxation: type[Relaxation] = InputSubset, *, shaken: bool = False
) -> nn.Sequential:
    """Two layers; `shaken` gives the encoders weights, as training would."""
    torch.manual_seed(0)
    lifting, conv = shipped.layers(base_group, relaxation=relaxation, partial=True)
    layers = nn.Sequential(lifting(1, 4), Activation(), conv(4, 3), GroupPool()).double()
    for _, chosen in relaxations_of(layers):
        if shaken:
            chosen.encoder[-1].weight.data.normal_(std=3.0)
            chosen.encoder[-1].bias.data.fill_(0.5)
    return layers


def images(num: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    scale = torch.arange(1, num + 1)[:, None, None, None]
    return scale * torch.rand(num, 1, 8, 8, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("extent", [0.01, 0.3, 1.0])
def test_the_kl_of_a_range_is_torch_s(extent: float) -> None:
    term = uniform_kl(torch.tensor(extent))
    torch.testing.assert_close(term, kl_divergence(Uniform(-extent, extent), Uniform(-1.0, 1.0)))


@pytest.mark.parametrize("prior", [0.5, 0.9])
def test_the_kl_of_a_keep_decision_is_torch_s_and_stays_finite(prior: float) -> None:
    logits = torch.linspace(-8, 8, 9, dtype=torch.float64)
    expected = kl_divergence(Bernoulli(logits=logits), Bernoulli(torch.tensor(prior).double()))
    torch.testing.assert_close(bernoulli_kl(logits, prior), expected, rtol=1e-6, atol=1e-7)
    far = torch.tensor([-1e4, 1e4], requires_grad=True)
    bernoulli_kl(far, prior).sum().backward()
    assert torch.all(far.grad.isfinite())


def test_a_projected_output_can_come_back() -> None:
    value = torch.tensor([1.5, 1.5, -0.5, -0.5, 0.5], requires_grad=True)
    push = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0])
    out = project(value, FLOOR)
    assert out.tolist() == pytest.approx([1.0, 1.0, 0.01, 0.01, 0.5])
    out.backward(push)  # a descent step moves against the gradient
    assert value.grad.tolist() == [1.0, 0.0, 0.0, -1.0, 1.0]


@pytest.mark.parametrize("base_group", PARTIAL)
def test_training_starts_from_the_whole_group(base_group: str) -> None:
    chosen, whole = model(base_group).eval(), model(base_group, LearnedSubset).eval()
    whole.load_state_dict(
        {k: v for k, v in chosen.state_dict().items() if "encoder" not in k}
        | {k: v for k, v in whole.state_dict().items() if "relaxation" in k}
    )
    torch.testing.assert_close(chosen(images()), whole(images()), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("base_group", PARTIAL)
def test_every_image_has_its_own_subset(base_group: str) -> None:
    net = model(base_group, shaken=True).eval()
    together = net(images())
    alone = torch.cat([net(image[None]) for image in images()])
    torch.testing.assert_close(together, alone, rtol=1e-10, atol=1e-12)
    with torch.no_grad(), frozen_kernels(net):
        net(images(1))
        torch.testing.assert_close(net(images()), together, rtol=1e-10, atol=1e-12)
    with collected_terms(net) as terms:
        net(images())
    assert torch.all(terms.collected["kl"][0].std() > 0)


@pytest.mark.parametrize("base_group", PARTIAL)
def test_the_subset_does_not_depend_on_how_the_image_is_turned(base_group: str) -> None:
    net = model(base_group, shaken=True).eval()
    with collected_terms(net) as terms:
        net[0](images())
        net[0](images().rot90(1, (-2, -1)))
    still, turned = terms.collected["kl"]
    assert still.std() > 0
    torch.testing.assert_close(turned, still, rtol=0, atol=EXACT[torch.float64])


@pytest.mark.parametrize("base_group", PARTIAL)
def test_kl_terms_are_handed_out_and_not_kept(base_group: str) -> None:
    net = model(base_group, shaken=True).train()
    before = {name: set(vars(module)) for name, module in net.named_modules()}
    with collected_terms(net) as terms:
        with torch.no_grad():
            net(images())
        assert not terms.collected, "what is run without gradients adds nothing"
        out = net(images())
        kl = torch.stack(terms.collected["kl"])  # [layers, B]
        torch.testing.assert_close(terms.totals()["kl"], kl.sum(0).mean())
        terms.clear()
        assert not terms.totals()
    assert kl.shape == (2, 3)
    assert torch.all(kl >= 0)
    assert {name: set(vars(module)) for name, module in net.named_modules()} == before
    assert not any(module._forward_hooks for module in net.modules())
    (out.square().mean() + kl.mean()).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert net[0].relaxation.encoder[0].weight.grad.abs().sum() > 0


def slopes(net: nn.Module, forward: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """Of the loss with its KL term, by all parameters; the draws are the same each time."""
    torch.manual_seed(1)
    with collected_terms(net) as terms:
        loss = forward(images()).square().mean() + terms.totals()["kl"]
        return list(torch.autograd.grad(loss, list(net.parameters())))


def test_the_terms_are_right_whoever_runs_the_net() -> None:
    """Through torch.compile, also for batches of any size, and with activations that are computed
    again for the gradient."""
    net = model("E2", shaken=True).train()
    expected = slopes(net, net)
    runners = [
        torch.compile(net, backend="eager"),
        torch.compile(net, backend="eager", dynamic=True),
        partial(checkpoint, net, use_reentrant=False),
    ]
    for forward in runners:
        for one, other in zip(slopes(net, forward), expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
