"""The parity net and its plain twin: the same parameters, and one of them blind to the mirror."""

import pytest
import torch
from torch import nn

from constructors import check, compose, construct_model
from partial_equiv.equivariance import (
    actions,
    equivariance_error,
    inexact_layers,
    layer_correlations,
)
from partial_equiv.groups import Dihedral, Mirror
from tests.tolerances import BROKEN, EXACT

(MIRROR,) = actions(Mirror())[1:]
TOLERANCE = EXACT[torch.float64]


def net(group: str, *words: str) -> nn.Module:
    words = "net=parity", "kernel=grid", "net.hidden_channels=4", f"base_group={group}", *words
    return construct_model(compose(["conv.partial=False", *words])).double()


def test_both_have_the_same_parameters() -> None:
    plain, parity = net("T2").state_dict(), net("mirror").state_dict()
    assert plain.keys() == parity.keys()
    assert all(torch.equal(plain[name], parity[name]) for name in plain)


@pytest.mark.parametrize("size", [(16, 16), (15, 15), (14, 17)])
@pytest.mark.parametrize("pool", ["mean", "max"])
def test_a_mirror_image_has_the_same_scores(size: tuple[int, int], pool: str) -> None:
    x = torch.randn(4, 1, *size).double()
    plain, parity = (net(group, f"net.spatial_pool={pool}").eval() for group in ("T2", "mirror"))
    assert (parity(x) - parity(x.flip(-1))).abs().max() < TOLERANCE
    assert (plain(x) - plain(x.flip(-1))).abs().max() > BROKEN * TOLERANCE
    report = equivariance_error(parity, [MIRROR], x)
    assert report.first_break is None, str(report)
    assert inexact_layers(parity, 1, size) == []
    first = equivariance_error(plain, [MIRROR], x).first_break
    assert first is not None
    assert first.name == "conv1"


def test_each_layer_correlates_with_its_mirror_image() -> None:
    """In float32, and with statistics of training in the norms."""
    x = torch.randn(4, 1, 16, 16)
    for group, exact in (("mirror", True), ("T2", False)):
        model = net(group).float()
        model.train()(x)
        layers = layer_correlations(model, MIRROR, x)
        assert model.training
        assert [layer.name for layer in layers][:3] == ["conv1", "norm1", "activation1"]
        assert layers[-1].name == ""
        for layer in layers:
            assert ((layer.equivariant - 1).abs().max() < 1e-5) == exact, layer.name
            if layer.name.startswith("conv"):
                assert layer.raw.abs().max() < 0.9


def test_other_groups_are_averaged_over_too() -> None:
    x = torch.randn(2, 1, 14, 14).double()
    report = equivariance_error(net("dihedral"), actions(Dihedral(4)), x)
    assert report.first_break is None, str(report)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["net=parity", "base_group=SE2"], "base_group.group=SO2: an averaged convolution moves"),
        (["net=parity", "base_group=mirror", "net.strides=[1]"], "net.strides=[1]: widths has 3"),
    ],
)
def test_what_does_not_go_together_is_said_in_one_line(words: list[str], complaint: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        check(compose(words))
    assert str(caught.value).startswith(complaint)
    assert len(str(caught.value).splitlines()) == 1
