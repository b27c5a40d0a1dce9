"""Augerino: what it averages, what it learns, and that it wraps any net."""

from math import pi

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from constructors import compose, construct_model
from models.augerino import Augerino
from partial_equiv.equivariance import act_on_images
from partial_equiv.groups import O2, SO2
from partial_equiv.relaxations import learned_subsets, project_
from tests.blobs import blobs
from training.optimisation import parameter_groups

PLAIN = ("base_group=T2", "conv.partial=False")


def flat(size: int = 12, outputs: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(size * size, outputs)).double()


def test_it_averages_the_net_over_its_copies() -> None:
    """At evaluation: the grid of n angles of the range, the same for all images."""
    net = Augerino(flat(), num_copies=4, initial_range=0.3, outside="zeros").double().eval()
    x = torch.randn(5, 1, 12, 12).double()
    angles = 0.3 * pi * torch.tensor([-3, -1, 1, 3]) / 4
    copies = [act_on_images(SO2().matrix(angle[None].double()), x) for angle in angles]
    expected = torch.stack([net.inner(copy) for copy in copies]).mean(0)
    torch.testing.assert_close(net(x), expected, rtol=1e-5, atol=1e-5)  # the range is a float32
    assert torch.equal(net(x), net(x))


def test_a_net_of_all_turns_is_invariant_to_them() -> None:
    net = Augerino(flat(28), num_copies=4, initial_range=1.0).double().eval()
    x = blobs(SO2(), torch.zeros(1))
    torch.testing.assert_close(net(x.rot90(1, (-2, -1))), net(x), rtol=0, atol=1e-5)
    assert not torch.allclose(net.inner(x.rot90(1, (-2, -1))), net.inner(x), atol=1e-2)


def test_each_image_draws_its_own_shift_in_training() -> None:
    net = Augerino(flat(), num_copies=8).double().train()
    same = torch.randn(1, 1, 12, 12).double().expand(3, -1, -1, -1)
    outputs = net(same)
    assert len(outputs.unique(dim=0)) == 3
    assert not torch.equal(net(same), outputs)


def test_scores_and_log_probabilities_have_the_same_mean_for_a_softmax() -> None:
    scores = torch.randn(5, 8, 10)
    mean_of_logs = functional.log_softmax(scores, -1).mean(1)
    torch.testing.assert_close(
        functional.log_softmax(mean_of_logs, -1), functional.log_softmax(scores.mean(1), -1)
    )


def test_the_mirrored_copies_count_by_their_weight() -> None:
    net = Augerino(flat(), num_copies=4, mirror=True, initial_range=1e-6).double()
    x = torch.randn(6, 1, 12, 12).double()
    upright, mirrored = net.inner(x), net.inner(x.flip(-1))
    both = (upright + mirrored) / 2
    outputs = net(x)
    for i in range(6):
        kept = torch.allclose(outputs[i], both[i], atol=2e-2)
        assert kept or torch.allclose(outputs[i], upright[i], atol=2e-2)
    torch.testing.assert_close(net.eval()(x), both, rtol=0, atol=1e-3)
    net.augmentation.keep_logits.data.fill_(-1)
    torch.testing.assert_close(net(x), upright, rtol=0, atol=1e-3)
    assert isinstance(net.augmentation.group, O2)
    with pytest.raises(ValueError, match="num_copies=5"):
        Augerino(flat(), num_copies=5, mirror=True)


def test_the_range_is_one_of_the_learned_subsets() -> None:
    net = Augerino(flat(), mirror=True)
    assert learned_subsets(net) == {"augmentation": 0.5, "augmentation.mirror": 0.5}
    rates = {"range": 2.0, "keep_logits": 3.0}
    roles = {group["role"]: group["params"] for group in parameter_groups(net, 1.0, rates, 0.0)}
    assert roles["range"] == [net.augmentation.range]
    net.augmentation.range.data.fill_(1.7)
    project_(net)
    assert net.augmentation.range.item() == 1


@pytest.mark.parametrize("value", [0.2, 0.7])
def test_the_gradient_of_the_range_is_that_of_the_loss(value: float) -> None:
    net = Augerino(flat(28)).double().eval()
    x, extent = blobs(SO2(), torch.zeros(1)), net.augmentation.range

    def loss(at: float) -> Tensor:
        extent.data.fill_(at)
        return net(x).square().mean()

    (slope,) = torch.autograd.grad(loss(value), extent)
    step = 1e-5
    numeric = (loss(value + step) - loss(value - step)) / (2 * step)
    assert slope.item() == pytest.approx(numeric.item(), rel=1e-3)


@pytest.mark.parametrize("start", [0.1, 0.8])
def test_it_learns_the_range_that_the_data_have(start: float) -> None:
    """The targets are means over turns by up to ±0.4π: another range does not fit them."""
    still = blobs(SO2(), torch.zeros(1), num_images=1, seed=3)[0, 0]
    template = still / still.norm()
    angles = 0.4 * pi * torch.linspace(-1, 1, 9).double()
    turned = torch.stack([act_on_images(SO2().matrix(a[None]), still[None]) for a in angles])

    class Correlation(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return ((x * template).sum((-2, -1)) / x.norm(dim=(-2, -1))).exp()

    net = Augerino(Correlation(), num_copies=16, initial_range=start).double()
    target = torch.stack(
        [Correlation()(act_on_images(SO2().matrix(-a[None]), turned)) for a in angles]
    ).mean(0)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
    torch.manual_seed(0)
    for _ in range(80):
        optimiser.zero_grad()
        (net(turned) - target).square().mean().backward()
        optimiser.step()
        project_(net)
    assert net.augmentation.range.item() == pytest.approx(0.4, abs=0.1)


@pytest.mark.parametrize("words", [PLAIN, (*PLAIN, "net.mirror=True"), ("conv.partial=True",)])
@pytest.mark.parametrize("inner", ["gcnn", "ckresnet"])
def test_it_wraps_any_net(inner: str, words: tuple[str, ...]) -> None:
    small = "net.inner.hidden_channels=4", "net.num_copies=4"
    net = construct_model(compose(["net=augerino", f"net@net.inner={inner}", *small, *words]))
    torch.manual_seed(0)
    net(torch.randn(3, 1, 16, 16)).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
    assert net.augmentation.range.grad.abs() > 0
