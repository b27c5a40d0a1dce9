"""The CKResNet: its published size, its knobs, its equivariance, and that all of it learns."""

import pytest
import torch
from torch import Tensor, nn

from constructors import compose, construct_model
from models.ckresnet import CKResNet
from partial_equiv.equivariance import Action, equivariance_error, inexact_layers
from partial_equiv.gconv import SpatialPool
from partial_equiv.groups import Finite
from partial_equiv.penalties import monotone
from partial_equiv.relaxations import learned_subsets
from tests import shipped
from tests.tolerances import BROKEN, EXACT

PUBLISHED = (
    "dataset=mnist",
    "net.hidden_channels=32",
    "net.last_kernel_size=null",
    "conv.kernel_size=7",
)
SIXES = (
    "dataset=mnist6_180",
    "net.hidden_channels=10",
    "net.widths=[1,1]",
    "net.pools=[1,2]",
    "kernel=magnet",
    "kernel.num_layers=4",
)


def model(*words: str) -> CKResNet:
    return construct_model(compose(["net=ckresnet", "net.hidden_channels=4", *words]))


def size(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(
    ("words", "published", "more"),
    [
        # 5 group convolutions of 32 and 2 shortcuts of 16 hidden units read one number more
        (["base_group=SE2", "conv.partial=False"], 467_786, 5 * 32 + 2 * 16),
        (["base_group=E2", "conv.partial=False"], 467_978, 5 * 32 + 2 * 16),
        # the lifting layer learns its subset too
        (["base_group=SE2", "conv.partial=True"], 467_791, 5 * 32 + 2 * 16 + 1),
        (["base_group=E2", "conv.partial=True"], 467_988, 5 * 32 + 2 * 16 + 2),
        # the published T2 reads an angle, which is always 0
        (
            ["base_group=T2", "conv.partial=False", "net.shortcut=identity"],
            450_074,
            -(5 * 32 + 16),
        ),
        (["base_group=T2", "conv.partial=False"], 467_786, -(5 * 32 + 2 * 16)),
        (["base_group=SE2", *SIXES], 48_845, 4 * 3 * (5 * 32 + 2 * 16) + 1),
    ],
)
def test_parameters_differ_from_the_published_ones_as_stated(
    words: list[str], published: int, more: int
) -> None:
    count = size(model(*PUBLISHED, *words))
    assert count == published + more
    stated = CKResNet.__doc__.replace(",", "")
    assert str(count) in stated or "partial=True" in " ".join(words)


@pytest.mark.parametrize("base_group", shipped.names("base_group"))
@pytest.mark.parametrize("pools", ["[0,1]", "[1,2]"])
def test_it_is_exactly_invariant(base_group: str, pools: str) -> None:
    """All pools meet even sizes (12, 6), and the last convolution is valid."""
    words = f"base_group={base_group}", "conv.partial=False", f"net.pools={pools}"
    net = model(*words, "conv.kernel_size=3").double().eval()
    assert inexact_layers(net, 1, (12, 12)) == []
    group, x = shipped.group(base_group), torch.randn(4, 1, 12, 12).double()
    elements = group.elements()[group.grid_permuting()] if isinstance(group, Finite) else None
    if elements is None:
        turns = torch.linspace(0, 3 * torch.pi / 2, 4)
        parts = [torch.tensor([0.0, 1.0])] * (group.element_size - 1)
        elements = torch.cartesian_prod(turns, *parts).reshape(-1, group.element_size)
    for element in elements:
        error = equivariance_error(net, Action(group, element.double()), x).relative
        assert error < EXACT[torch.float64], element


def test_an_odd_size_breaks_it_and_is_found() -> None:
    net = model("conv.partial=False", "conv.kernel_size=3").double().eval()
    assert inexact_layers(net, 1, (13, 13)) == [("pool", 13)]
    assert inexact_layers(net, 1, (14, 14)) == [("block1.pool", 7)]
    quarter, x = torch.tensor([torch.pi / 2]).double(), torch.randn(4, 1, 13, 13).double()
    group = shipped.group("SE2")
    assert (
        equivariance_error(net, Action(group, quarter), x).relative > BROKEN * EXACT[torch.float32]
    )


@pytest.mark.parametrize("base_group", ["SE2", "E2", "cyclic", "dihedral", "mirror"])
def test_the_gradient_reaches_every_parameter(base_group: str) -> None:
    net = model(f"base_group={base_group}", "conv.partial=True", "base_group.scope=element")
    torch.manual_seed(0)
    net(torch.randn(16, 1, 16, 16)).square().sum().backward()
    still = [
        name
        for name, parameter in net.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert still == []


def test_a_shortcut_carries_its_input_to_the_elements_of_the_branch() -> None:
    net = model("base_group.sampling=random", "conv.partial=True").train()
    lifted = net.activation(net.norm(net.lifting(torch.randn(2, 1, 16, 16))))
    branches: list[Tensor] = []
    net.block1.conv2.register_forward_hook(lambda *given: branches.append(given[2].elements))
    out = net.block1(lifted)
    assert torch.equal(out.elements, branches[0])
    assert not torch.equal(out.elements, lifted.elements)


def test_an_identity_shortcut_needs_shared_elements() -> None:
    plain, identity = (
        model("conv.partial=False", f"net.shortcut={kind}") for kind in ("pointwise", "identity")
    )
    assert identity.block1.shortcut is None
    assert identity.block2.shortcut is not None  # its width grows
    assert size(identity) < size(plain)
    shared = "base_group.sampling=random", "conv.partial=False", "net.shortcut=identity"
    assert model(*shared, "base_group.scope=network")
    for words in (shared, ("conv.partial=True", "net.shortcut=identity")):
        with pytest.raises(ValueError, match=r"net.shortcut=identity: .*different elements"):
            model(*words)


def test_its_options_stand_where_they_are_asked_for() -> None:
    net = model(
        "net.widths=[1,2,3]",
        "net.pools=[2]",
        "net.pool=blur",
        "net.norm=layer",
        "net.dropout=0.3",
        "net.last_kernel_size=1",
        "net.shortcut_kernel_channels=5",
    )
    pools = [name for name, module in net.named_modules() if isinstance(module, SpatialPool)]
    assert pools == ["block2.pool"]
    assert net.block2.pool.mode == "blur"
    assert net.last_conv.windows(4).padding == 0
    assert net.last_conv.stencil.kernel_size == 1
    assert (net.last_conv.kernel.in_channels, net.last_conv.kernel.out_channels) == (12, 12)
    assert net.block3.dropout.probability == 0.3
    assert net.norm.over == net.block1.norm.over == net.last_norm.over == "layer"
    assert net.block1.branch_norm.over == "instance"
    assert net.block1.shortcut.kernel.readout.in_features == 5
    with pytest.raises(ValueError, match=r"pools=\[4\]: the last layer is number 3"):
        model("net.widths=[1,1,1]", "net.pools=[4]")


def test_a_partial_net_names_its_layers_in_their_order() -> None:
    net = model("conv.partial=True")
    layers = ["lifting", *(f"block{i}.conv{j}" for i in (1, 2) for j in (1, 2)), "last_conv"]
    assert list(learned_subsets(net)) == layers
    with torch.no_grad():
        net.block2.conv1.relaxation.range.fill_(0.4)
    assert monotone(net).item() == pytest.approx(0.6)  # the next layer goes back to 1
