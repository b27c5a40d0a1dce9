"""Subsets that depend on the input: their KL terms, their gradients, their invariance."""

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Uniform, kl_divergence

from partial_equiv.gconv import Activation, GroupConv, GroupPool, LiftingConv, frozen_kernels
from partial_equiv.sampling import Sampling
from partial_equiv.variational import bernoulli_kl, collected_kl, project, uniform_kl
from tests import shipped
from tests.tolerances import EXACT

PARTIAL = [name for name in shipped.names("base_group") if shipped.has_subset(name)]


def model(base_group: str, subset: str = "input", *, shaken: bool = False) -> nn.Sequential:
    """Two layers; `shaken` gives the encoders weights, as training would."""
    torch.manual_seed(0)
    sampling = shipped.sampling(base_group, subset=subset)
    lifting, conv = shipped.layers(base_group, sampling=sampling, partial=True)
    layers = nn.Sequential(lifting(1, 4), Activation(), conv(4, 3), GroupPool()).double()
    for module in layers.modules():
        if isinstance(module, Sampling) and shaken:
            module.encoder[-1].weight.data.normal_(std=3.0)
            module.encoder[-1].bias.data.fill_(0.5)
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
    out = project(value)
    assert out.tolist() == pytest.approx([1.0, 1.0, 0.01, 0.01, 0.5])
    out.backward(push)  # a descent step moves against the gradient
    assert value.grad.tolist() == [1.0, 0.0, 0.0, -1.0, 1.0]


@pytest.mark.parametrize("base_group", PARTIAL)
def test_training_starts_from_the_whole_group(base_group: str) -> None:
    chosen, whole = model(base_group).eval(), model(base_group, "layer").eval()
    whole.load_state_dict(
        {k: v for k, v in chosen.state_dict().items() if "encoder" not in k}
        | {k: v for k, v in whole.state_dict().items() if "sampling" in k}
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
    with collected_kl() as terms:
        net(images())
    assert torch.all(terms[0].std() > 0)


@pytest.mark.parametrize("base_group", PARTIAL)
def test_the_subset_does_not_depend_on_how_the_image_is_turned(base_group: str) -> None:
    net = model(base_group, shaken=True).eval()
    with collected_kl() as still:
        net[0](images())
    with collected_kl() as turned:
        net[0](images().rot90(1, (-2, -1)))
    assert still[0].std() > 0
    torch.testing.assert_close(turned[0], still[0], rtol=0, atol=EXACT[torch.float64])


@pytest.mark.parametrize("base_group", PARTIAL)
def test_kl_terms_are_handed_out_and_not_kept(base_group: str) -> None:
    net = model(base_group, shaken=True).train()
    before = {name: set(vars(module)) for name, module in net.named_modules()}
    with collected_kl() as terms:
        out = net(images())
    convolutions = [m for m in net if isinstance(m, LiftingConv | GroupConv)]
    assert [term.shape for term in terms] == [(3,)] * len(convolutions)
    assert torch.all(torch.stack(terms) >= 0)
    assert {name: set(vars(module)) for name, module in net.named_modules()} == before
    (out.square().mean() + torch.stack(terms).mean()).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    encoder = net[0].sampling.encoder
    assert encoder[0].weight.grad.abs().sum() > 0


def test_channels_are_needed() -> None:
    with pytest.raises(ValueError, match="in_channels=None"):
        shipped.sampling("SE2", subset="input")(partial=True)
