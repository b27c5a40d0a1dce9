"""The meter reads the elements of one group in features of another: by their matrices."""

from functools import partial
from math import pi

import pytest
import torch
from torch import Tensor, nn

from partial_equiv.ck import GridKernel, Siren
from partial_equiv.equivariance import Action, Shift, equivariance_error
from partial_equiv.gconv import (
    Activation,
    AveragedConv,
    GroupConv,
    GroupFeature,
    GroupPool,
    LiftingConv,
    Norm,
    SpatialPool,
)
from partial_equiv.groups import O2, SO2, Cyclic, Dihedral, Group, Mirror
from partial_equiv.sampling import Sampling
from tests.tolerances import BROKEN, EXACT

NETS: dict[str, tuple[Group, int | None]] = {
    "C4": (Cyclic(4), None),
    "C8": (Cyclic(8), None),
    "D4": (Dihedral(4), None),
    "D2": (Dihedral(2), None),
    "M": (Mirror(), None),
    "SE2": (SO2(), 8),
    "E2": (O2(), 8),
}
ACTIONS: list[tuple[Group, list[float]]] = [
    (SO2(), [pi / 2]),
    (SO2(), [-pi]),
    (Cyclic(2), [1.0]),
    (Cyclic(4), [1.0]),
    (Cyclic(8), [6.0]),
    (Dihedral(2), [1.0, 1.0]),
    (Dihedral(4), [3.0, 1.0]),
    (Dihedral(8), [2.0, 0.0]),
    (Mirror(), [0.0, 1.0]),
    (O2(), [pi, 1.0]),
    (O2(), [-pi / 2, 0.0]),
]
X = torch.randn(3, 2, 9, 9, generator=torch.Generator().manual_seed(0)).double()


class Lopsided(nn.Module):
    def forward(self, feature: GroupFeature) -> GroupFeature:
        return feature.map(lambda x: x * torch.linspace(0, 1, x.shape[-1]).to(x))


def net(group: Group, num_samples: int | None) -> nn.Sequential:
    torch.manual_seed(0)
    layer = {
        "kernel": partial(Siren, hidden_channels=8),
        "sampling": partial(Sampling, group, num_samples),
    }
    return nn.Sequential(
        LiftingConv(2, 3, **layer),
        nn.Sequential(Norm(3), Activation(), SpatialPool("blur")),
        GroupConv(3, 2, **layer),
        GroupPool("max"),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ).double()


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(("group", "element"), ACTIONS)
def test_every_group_reads_every_net(name: str, group: Group, element: list[float]) -> None:
    own, num_samples = NETS[name]
    action, model = Action(group, torch.tensor(element)), net(own, num_samples)
    report = equivariance_error(model, action, X)
    if not own.contains(group.matrix(action.element)):
        assert set(report.unmeasured) == {"0", "1.0", "1.1", "1.2", "1", "2"}
        assert all("is not an element of" in why for why in report.unmeasured.values())
        assert report.relative > BROKEN * EXACT[torch.float64]
        assert report.first_break.name == "3"
        assert report.reason.startswith(
            "it cannot be looked at alone, because what it reads cannot"
        )
        return
    assert [layer.name for layer in report.layers][-2:] == ["5", ""]
    assert report.unmeasured == {}
    assert max(layer.mean.relative for layer in report.layers) < EXACT[torch.float32] / 100
    model[1] = nn.Sequential(Norm(3), Lopsided()).double()
    broken = equivariance_error(model, action, X)
    felt = bool(group.matrix(action.element)[0, 0] < 0.5)  # it moves columns to others
    assert (broken.first_break is not None) == felt
    assert broken.first_break is None or broken.first_break.name == "1.1"


def test_the_readme_s_quarter_turn_on_a_p4_net() -> None:
    report = equivariance_error(net(Cyclic(4), None), Action(SO2(), torch.tensor([pi / 2])), X)
    assert report.first_break is None, str(report)


@pytest.mark.parametrize(("group", "element"), ACTIONS)
def test_maps_of_the_trivial_group_take_every_element(group: Group, element: list[float]) -> None:
    sampling = partial(Sampling, Dihedral(4))
    block = AveragedConv(2, 2, kernel=GridKernel, sampling=sampling, stride=2).double()
    report = equivariance_error(block, Action(group, torch.tensor(element)), X[..., :8, :8])
    assert report.relative < EXACT[torch.float32] / 100


def test_a_feature_keeps_its_group_through_every_layer() -> None:
    group, feature = Dihedral(4), X
    for layer in net(group, None)[:3]:
        feature = layer(feature)
        assert feature.group is group or isinstance(feature.group, Dihedral)


def test_an_element_that_the_group_lacks_is_refused_in_a_line() -> None:
    feature = net(Cyclic(4), None)[0](X)
    with pytest.raises(TypeError) as caught:
        Action(Mirror(), torch.tensor([0.0, 1.0]))(feature)
    assert str(caught.value) == (
        "Mirror [0.0, 1.0] is not an element of Cyclic of 4 elements, the group of the feature"
    )
    with pytest.raises(TypeError, match=r"SO2 \[0.785.*\] is not an element of Cyclic"):
        Action(SO2(), torch.tensor([pi / 4]))(feature)
    with pytest.raises(ValueError, match="not closed"):
        Action(SO2(), torch.tensor([pi / 8]))(net(SO2(), 8)[0](X))


def ring(in_channels: int, out_channels: int, **settings: object) -> nn.Module:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, padding_mode="circular", **settings)


def test_shifts_are_measured_at_every_stride() -> None:
    """A periodic net with two strides of 2: exact for shifts by 4 pixels, and maps that move by
    half a pixel are not measured for others."""
    torch.manual_seed(0)
    sampling = {"kernel": GridKernel, "sampling": partial(Sampling, Mirror())}
    model = nn.Sequential(
        *(ring(2, 3), nn.ReLU(), nn.MaxPool2d(2)),
        LiftingConv(3, 2, **sampling, stride=2, padding_mode="circular"),
        *(GroupPool(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 4)),
    ).double()
    x = torch.randn(3, 2, 32, 24, generator=torch.Generator().manual_seed(0)).double()
    report = equivariance_error(model, [Shift(4, 0, (32, 24)), Shift(-8, 4, (32, 24))], x)
    assert report.first_break is None, str(report)
    assert report.unmeasured == {}
    two = equivariance_error(model, Shift(0, 2, size=(32, 24)), x)
    assert set(two.unmeasured) == {"3", "4"}
    assert "none by whole pixels on a map of 6" in two.unmeasured["3"]
    assert two.first_break.name == "5"
    model[0] = nn.Conv2d(2, 3, 3, padding=1).double()
    zeros = equivariance_error(model, Shift(4, 0, size=(32, 24)), x)
    assert zeros.first_break.name == "0"
    assert zeros.reason == "it is exact in the middle of the map, and breaks at the border"


def test_a_shift_is_a_roll() -> None:
    x: Tensor = torch.arange(24.0).reshape(1, 1, 4, 6)
    move = Shift(2, -4, size=(8, 12))
    assert torch.equal(move(x), x.roll((1, -2), (-2, -1)))
    assert torch.equal(move(x[:, 0, 0]), x[:, 0, 0])
    with pytest.raises(TypeError, match="not known"):
        move(x[0])
