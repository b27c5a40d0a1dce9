"""Correlations of layers: against numpy's, and where there is none."""

from functools import partial

import numpy
import pytest
import torch
from torch import nn

from partial_equiv.ck import GridKernel
from partial_equiv.equivariance import actions, layer_correlations
from partial_equiv.gconv import GroupConv, LiftingConv
from partial_equiv.groups import Cyclic, Mirror
from partial_equiv.relaxations import LearnedSubset
from partial_equiv.sampling import Sampling

(MIRROR,) = actions(Mirror())[1:]
X = torch.randn(3, 2, 6, 7, generator=torch.Generator().manual_seed(0))


def test_they_are_pearson_s() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(60, 4))
    layers = layer_correlations(net, MIRROR, X)
    assert [(layer.name, layer.kind) for layer in layers] == [
        ("0", "Conv2d"),
        ("1", "Flatten"),
        ("2", "Linear"),
        ("", "Sequential"),
    ]
    still, moved = (net[0](x).detach() for x in (X, X.flip(-1)))
    for i in range(3):
        for found, there in ((layers[0].raw, still), (layers[0].equivariant, still.flip(-1))):
            expected = numpy.corrcoef(there[i].flatten(), moved[i].flatten())[0, 1]
            assert found[i].item() == pytest.approx(expected, abs=1e-5)
    assert torch.equal(layers[2].raw, layers[2].equivariant), "vectors are not moved"


def test_the_identity_is_equivariant_and_a_constant_is_nothing() -> None:
    layer, *_ = layer_correlations(nn.Identity(), MIRROR, X)
    torch.testing.assert_close(layer.equivariant, torch.ones(3).double())
    assert layer.raw.abs().max() < 0.9
    layer, *_ = layer_correlations(nn.Threshold(9.0, 1.0), MIRROR, X)
    assert layer.raw.isnan().all()
    assert layer.equivariant.isnan().all()


def test_regular_features_are_permuted_too() -> None:
    given = {"kernel": GridKernel, "sampling": partial(Sampling, Mirror())}
    net = nn.Sequential(LiftingConv(2, 3, **given), GroupConv(3, 2, **given))
    for layer in layer_correlations(net, MIRROR, X):
        assert (layer.equivariant - 1).abs().max() < 1e-5
        assert layer.raw.abs().max() < 0.9


def test_what_the_transform_cannot_move_is_nan_or_left_out() -> None:
    part = LiftingConv(
        2,
        3,
        kernel=GridKernel,
        sampling=partial(Sampling, Mirror()),
        partial=True,
        relaxation=partial(LearnedSubset, initial_keep=0.1),
    )
    layer, *_ = layer_correlations(part, MIRROR, X)
    assert layer.equivariant.isnan().all(), "the mirror is dropped, nothing to permute"
    other = LiftingConv(2, 3, kernel=GridKernel, sampling=partial(Sampling, Cyclic(4)))
    assert layer_correlations(other, MIRROR, X) == ()
    turn = actions(Cyclic(4))[1]
    layer, *_ = layer_correlations(nn.ReLU(), turn, X)
    assert layer.raw.isnan().all(), "the sides are swapped"
    torch.testing.assert_close(layer.equivariant, torch.ones(3).double())
