"""ResNets and P4CNN: published sizes, exact and broken equivariance by the size of the image."""

from functools import partial

import pytest
import torch
from torch import nn

from constructors import check, compose, construct_model
from models.resnet import ResNet
from partial_equiv.ck import GridKernel
from partial_equiv.equivariance import actions, equivariance_error, inexact_layers
from partial_equiv.gconv import GroupConv, LiftingConv
from partial_equiv.groups import Cyclic, Dihedral, Finite
from partial_equiv.sampling import Sampling
from tests.tolerances import BROKEN, EXACT

EXACTLY = "kernel=grid", "conv.partial=False"
GROUPS = {
    "T2": ("base_group=T2",),
    "p4": ("base_group=cyclic", "base_group.order=4"),
    "p4m": ("base_group=dihedral",),
}


def model(name: str, group: str, *words: str) -> nn.Module:
    return construct_model(compose([f"net={name}", *EXACTLY, *GROUPS[group], *words]))


@pytest.mark.parametrize(
    ("name", "group", "width", "data", "count"),
    [
        ("p4cnn", "p4", 10, "cifar10", 24_990),
        ("p4cnn", "T2", 20, "cifar10", 25_570),
        ("p4cnn", "p4", 10, "mnist", 24_810),
        ("p4cnn", "T2", 20, "mnist", 25_210),
        ("resnet44", "T2", 32, "cifar10", 2_636_458),
        ("resnet44", "p4", 16, "cifar10", 2_632_026),
        ("resnet44", "p4m", 12, "cifar10", 2_959_366),
        ("resnet18", "T2", 64, "cifar10", 11_173_962),
        ("resnet18", "p4", 32, "cifar10", 11_165_738),
        ("resnet18", "p4m", 23, "cifar10", 11_533_889),
    ],
)
def test_published_nets_have_the_stated_parameters(
    name: str, group: str, width: int, data: str, count: int
) -> None:
    published = {
        "resnet44": {"T2": 2.636e6, "p4": 2.634e6, "p4m": 2.963e6},
        "resnet18": {"T2": 11.17e6, "p4": 11.17e6, "p4m": 11.55e6},
        "p4cnn": {group: count},
    }[name][group]
    net = model(name, group, f"net.hidden_channels={width}", f"dataset={data}")
    found = sum(parameter.numel() for parameter in net.parameters())
    assert found == count
    assert found == pytest.approx(published, rel=0.01)


def test_the_net_of_pcam_has_its_published_parameters() -> None:
    words = "dataset=pcam", "net.hidden_channels=4", "net.widths=[1,1.75,3.5]"
    net = model("resnet44", "p4", *words)
    assert sum(parameter.numel() for parameter in net.parameters()) == 128_652


def small(group: Finite, stem: str = "cifar", depth: int = 1, **settings: object) -> ResNet:
    torch.manual_seed(0)
    given = {"kernel": GridKernel, "sampling": partial(Sampling, group)}
    convolutions = partial(LiftingConv, **given), partial(GroupConv, **given)
    shape = {"hidden_channels": 2, "blocks": [depth] * 3, "stem": stem, **settings}
    return ResNet(1, 3, *convolutions, **shape).double()


def worst(net: nn.Module, group: Finite, size: int) -> tuple[float, str]:
    """The largest error of the scores over the whole group, and which layer breaks first."""
    x = torch.randn(3, 1, size, size, generator=torch.Generator().manual_seed(0)).double()
    report = equivariance_error(net, actions(group), x)
    rule = report.reason.rpartition("the stride rule asks for 0, but ")[2]
    broken = "" if report.first_break is None else f"{report.first_break.name}: {rule}"
    return max(e.relative for e in report.layers[-1].each), broken


@pytest.mark.parametrize("group", [Cyclic(4), Dihedral(4)], ids=["p4", "p4m"])
@pytest.mark.parametrize(
    ("stem", "exact", "broken", "first"),
    [
        ("cifar", 17, 16, "stage2.0.conv1: (16 + 2·1 - 3) mod 2 = 1"),
        ("cifar", 33, 32, "stage2.0.conv1: (32 + 2·1 - 3) mod 2 = 1"),
        ("cifar", 9, 11, "stage3.0.conv1: (6 + 2·1 - 3) mod 2 = 1"),
        ("imagenet", 33, 32, "lifting: (32 + 2·3 - 7) mod 2 = 1"),
        ("imagenet", 17, 19, "pool0: (10 + 2·1 - 3) mod 2 = 1"),
    ],
)
def test_the_size_decides_whether_a_resnet_is_exact(
    group: Finite, stem: str, exact: int, broken: int, first: str
) -> None:
    net = small(group, stem)
    error, where = worst(net, group, exact)
    assert (error < EXACT[torch.float64], where) == (True, "")
    assert inexact_layers(net, 1, (exact, exact)) == []
    error, where = worst(net, group, broken)
    assert error > BROKEN * EXACT[torch.float32]
    assert where == first


@pytest.mark.parametrize(("group_pool", "first_pool"), [("max", "group"), ("mean", "space")])
def test_every_coset_pool_is_exact(group_pool: str, first_pool: str) -> None:
    net = small(Cyclic(4), depth=2, group_pool=group_pool, first_pool=first_pool)
    assert worst(net, Cyclic(4), 13)[0] < EXACT[torch.float64]


@pytest.mark.parametrize(("size", "exact"), [(28, True), (27, False), (29, False)])
def test_the_p4cnn_is_exact_on_28_pixels_and_broken_beside(size: int, exact: bool) -> None:
    net = model("p4cnn", "p4", "dataset=mnist", "net.hidden_channels=3").double()
    error, where = worst(net, Cyclic(4), size)
    assert error < EXACT[torch.float64] if exact else error > BROKEN * EXACT[torch.float32]
    assert where == ("" if exact else f"pool1: ({size} + 2·0 - 2) mod 2 = 1")


def test_the_p4cnn_has_its_layers_where_they_were() -> None:
    net = model("p4cnn", "p4", "dataset=mnist")
    names = [name for name, _ in net.named_children()]
    assert names.index("conv1") < names.index("pool1") < names.index("conv2")
    assert names[-4:] == ["spatial_pool", "group_pool", "flatten", "readout"]
    sizes = [module.stencil.kernel_size for module in net.modules() if hasattr(module, "stencil")]
    assert sizes == [3] * 6 + [4]
    assert net(torch.zeros(1, 1, 28, 28)).shape == (1, 10)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["net=resnet44", "conv.partial=True"], "conv.partial=True: "),
        (
            ["net=resnet44", "conv.partial=False", "base_group.sampling=random"],
            "base_group.scope=layer: ",
        ),
        (["net=resnet44", "net.blocks=[1]"], "net.blocks=[1]: "),
        (
            ["net=gcnn", "net.widths=[]", "net.pools=[]", "net.last_kernel_size=3"],
            "net.last_kernel",
        ),
        (["kernel=grid", "base_group=SE2"], "kernel=grid: SO2 has elements"),
        (["kernel=grid", "base_group=cyclic"], "kernel=grid: Cyclic has elements"),
        (
            ["net=ckresnet", "kernel=grid", "base_group=dihedral", "conv.partial=False"],
            "kernel: GridKernel takes no hidden_channels",
        ),
    ],
)
def test_what_does_not_go_together_is_said_in_one_line(words: list[str], complaint: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        check(compose(words))
    assert str(caught.value).startswith(complaint)
    assert len(str(caught.value).splitlines()) == 1
