"""The meter: passes what is equivariant, names the layer that is not, and says why."""

from functools import partial
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from partial_equiv.ck import GridKernel
from partial_equiv.equivariance import (
    Action,
    act_on_images,
    actions,
    equivariance_error,
    inexact_layers,
)
from partial_equiv.gconv import (
    Activation,
    GroupConv,
    GroupFeature,
    GroupPool,
    LiftingConv,
    Norm,
    SpatialPool,
)
from partial_equiv.groups import O2, SO2, Cyclic, Dihedral, Finite, Group, Trivial
from partial_equiv.sampling import Sampling
from tests.tolerances import BROKEN, EXACT

P4 = Cyclic(4)
OFF = "its windows do not lie in the middle of the map: the stride rule asks for 0,"
BEFORE = "it is exact, but what is computed before it is not"


def images(size: int = 9, seed: int = 0) -> Tensor:
    return torch.randn(3, 2, size, size, generator=torch.Generator().manual_seed(seed)).double()


def layers(group: Group) -> dict[str, object]:
    return {"kernel": GridKernel, "sampling": partial(Sampling, group)}


def net(group: Finite, **settings: object) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        LiftingConv(2, 3, **layers(group)),
        Norm(3),
        Activation(),
        GroupConv(3, 2, **layers(group), **settings),
        GroupPool("max"),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ).double()


@pytest.mark.parametrize("group", [P4, Dihedral(4)], ids=["p4", "p4m"])
def test_an_equivariant_net_has_no_break(group: Finite) -> None:
    report = equivariance_error(net(group), actions(group), images())
    assert [layer.name for layer in report.layers] == [*map(str, range(7)), ""]
    assert report.first_break is None
    assert str(report).endswith("equivariant")
    for layer in report.layers:
        assert len(layer.each) == group.size
        assert max(e.relative for e in layer.each) < EXACT[torch.float64]


def test_the_identity_has_no_error_at_all() -> None:
    report = equivariance_error(nn.Identity(), actions(Dihedral(4)), images())
    assert {e for layer in report.layers for e in layer.each} == {report.layers[0].mean}
    assert (report.layers[0].mean.mse, report.layers[0].mean.l1) == (0, 0)


def test_errors_are_those_of_their_definitions() -> None:
    x = images()
    layer = nn.Conv2d(2, 4, 3).double()
    (turn,) = actions(P4, torch.tensor([[1.0]]))
    found, expected = layer(x.rot90(1, (-2, -1))), layer(x).rot90(1, (-2, -1))
    mean = equivariance_error(layer, [turn], x).layers[-1].mean
    assert mean.mse == pytest.approx((found - expected).square().mean().item())
    assert mean.l1 == pytest.approx((found - expected).abs().mean().item())
    assert mean.relative == pytest.approx(equivariance_error(layer, turn, x).relative)
    both = equivariance_error(layer, actions(P4), x).layers[-1]
    assert both.mean.mse == pytest.approx(sum(e.mse for e in both.each) / 4)


@pytest.mark.parametrize("place", [1, 3])
def test_a_broken_layer_is_caught_and_named(place: int) -> None:
    class Lopsided(nn.Module):
        def forward(self, feature: GroupFeature) -> GroupFeature:
            return feature.map(lambda x: x * torch.linspace(0, 1, x.shape[-1]).to(x))

    model = net(P4)
    model[place] = nn.Sequential(model[place], Lopsided())
    report = equivariance_error(model, actions(P4), images())
    assert report.first_break.name == f"{place}.1"
    assert report.first_break.kind == "Lopsided"
    assert report.reason == "the layer itself does not commute with the transform"
    assert "first break" in str(report)
    before = report.layers[: report.layers.index(report.first_break)]
    assert [layer.name for layer in before] == [*map(str, range(place)), f"{place}.0"]
    assert all(layer.mean.relative < EXACT[torch.float64] for layer in before)


GRID = list(product((7, 8, 9, 12), (2, 3), (1, 2, 3), (0, 1), (1, 2)))


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation"), {g[1:] for g in GRID})
def test_the_stride_rule_is_what_is_measured(
    kernel: int, stride: int, padding: int, dilation: int
) -> None:
    """Convolutions of ours and pools of torch, at four sizes, on several random images: one image
    can pass by coincidence."""
    torch.manual_seed(0)
    window = {"stride": stride, "padding": padding, "dilation": dilation}
    conv = LiftingConv(2, 2, **layers(P4), kernel_size=kernel, **window).double()
    pool = nn.MaxPool2d(kernel, **window)
    quarter = actions(P4, torch.tensor([[1.0]]))
    for size in (7, 8, 9, 12):
        remainder = (size + 2 * padding - dilation * (kernel - 1) - 1) % stride
        for layer in (conv, pool):
            report = equivariance_error(layer, quarter, images(size))
            assert (report.first_break is not None) == (remainder > 0), (size, layer)
            error = report.layers[-1].mean.relative
            if remainder:
                assert error > BROKEN * EXACT[torch.float32]
                assert report.reason.startswith(f"{OFF} but (")
                assert report.reason.endswith(f") mod {stride} = {remainder}")
            else:
                assert error < EXACT[torch.float64]


def test_only_the_axis_that_breaks_the_rule_is_named() -> None:
    mirror = actions(O2(), torch.tensor([[0.0, 1.0], [torch.pi, 1.0]]))
    x = torch.randn(3, 1, 8, 9)
    report = equivariance_error(nn.AvgPool2d((3, 2), 2, (0, 1)), mirror, x)
    assert report.reason == f"{OFF} but (8 + 2·0 - 3) mod 2 = 1, (9 + 2·1 - 2) mod 2 = 1"
    assert equivariance_error(nn.AvgPool2d(2, 2), mirror, x).reason.startswith(f"{OFF} but (9")


def test_a_strided_layer_that_is_broken_anyway_is_not_blamed_on_its_stride() -> None:
    plain = nn.Conv2d(2, 3, 3, stride=2).double()
    report = equivariance_error(plain, actions(P4), images(8))
    assert report.reason == "the layer itself does not commute with the transform"


def test_strided_layers_of_both_makes_are_found_in_a_net() -> None:
    model = nn.Sequential(
        LiftingConv(2, 3, **layers(P4), stride=2),
        SpatialPool("max", 3, 2, padding=1),
        GroupPool(),
        nn.MaxPool2d(2),
    )
    assert inexact_layers(model, 2, (13, 13)) == []  # 13, 7, 4
    assert inexact_layers(model, 2, (12, 12)) == [("0", 12), ("1", 6), ("3", 3)]
    report = equivariance_error(model.double(), actions(P4), images(15))  # 15, 8, 4
    assert report.first_break.name == "1"
    assert report.reason == f"{OFF} but (8 + 2·1 - 3) mod 2 = 1"


def test_interpolation_is_the_reason_between_the_pixels() -> None:
    report = equivariance_error(nn.AvgPool2d(3, 1), actions(SO2(), torch.tensor([[0.5]])), images())
    assert report.reason.startswith("interpolation")


def test_the_border_is_the_reason_where_the_middle_is_exact() -> None:
    shift = lambda value: value.roll(1, -1)  # noqa: E731
    report = equivariance_error(nn.AvgPool2d(3, 1, 1), [shift], images(12))
    assert report.reason == "it is exact in the middle of the map, and breaks at the border"
    ring = LiftingConv(2, 2, **layers(Trivial()), padding_mode="circular").double()
    rolled = lambda value: value.map(shift) if isinstance(value, GroupFeature) else shift(value)  # noqa: E731
    assert equivariance_error(ring, [rolled], images(12)).first_break is None


def test_what_happens_between_the_layers_is_told_apart() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x: Tensor) -> Tensor:
            x = self.relu(x)
            return self.relu(x[..., ::2, ::2] - 0.1)

    report = equivariance_error(Net(), actions(P4), images(8))
    assert [layer.name for layer in report.layers] == ["relu", "relu:2", ""]
    assert report.first_break.name == "relu:2"
    assert report.reason == BEFORE + ", outside of any layer"
    assert equivariance_error(Net(), actions(P4), images(9)).first_break is None


def test_the_net_stays_as_it_was() -> None:
    model = net(P4).train()
    model[2].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x = images()
    equivariance_error(model, actions(P4), x)
    assert model.training
    assert not model[2].training
    assert torch.equal(x, images())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())


def test_a_learned_subset_is_told() -> None:
    model = nn.Sequential(LiftingConv(2, 3, **layers(P4), partial=True), GroupPool()).double()
    model[0].relaxation.keep_logits.data[0] = -1
    report = equivariance_error(model, actions(P4), images())
    assert report.first_break.name == "0"
    assert report.reason == "the elements that it keeps are not closed under the transform"


def test_plain_nets_are_measured_under_rotations_too() -> None:
    report = equivariance_error(net(Trivial()), actions(P4), images())
    assert report.first_break.name == "0"
    assert report.first_break.each[0].mse == 0  # the identity
    assert report.first_break.mean.relative > BROKEN * EXACT[torch.float32]


def test_your_own_representation() -> None:
    """The gradient of a picture is a field of vectors: the irrep of frequency 1."""

    class Gradient(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            middle = x[:, :1, 1:-1, 1:-1]
            return torch.cat([x[:, :1, 1:-1, 2:] - middle, x[:, :1, 2:, 1:-1] - middle], 1) - (
                torch.cat([x[:, :1, 1:-1, :-2] - middle, x[:, :1, :-2, 1:-1] - middle], 1)
            )

    def turn(value: Tensor) -> Tensor:
        matrix = SO2().matrix(torch.tensor([torch.pi / 2])).round().to(value)
        moved = act_on_images(matrix, value)
        if value.shape[1] == 1:
            return moved
        return torch.einsum("ij,bjhw->bihw", matrix, moved)

    x = images()[:, :1]
    assert equivariance_error(Gradient(), [turn], x).first_break is None
    assert equivariance_error(Gradient(), actions(P4, None, lambda h: h), x).first_break is None
    slope = nn.Sequential(Gradient(), nn.AdaptiveAvgPool2d(1), nn.Flatten())  # vectors [B, 2]
    assert equivariance_error(slope, actions(Dihedral(4), None, lambda h: h), x).relative < 1e-10
    assert equivariance_error(slope, actions(P4), x).relative > 0.1
    assert equivariance_error(Gradient(), actions(P4), x).first_break is not None


def test_regular_tensors_of_others_and_unknown_ones() -> None:
    class Stack(nn.Module):
        """The four turns of a picture, as a bare tensor [B, C, 4, H, W]."""

        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([x.rot90(-h, (-2, -1)) for h in range(4)], 2)

    class Stay(nn.Module):
        """y(p, h) = x(p): the same at all elements."""

        def __init__(self, num: int) -> None:
            super().__init__()
            self.num = num

        def forward(self, x: Tensor) -> Tensor:
            return x[:, :, None].expand(-1, -1, self.num, -1, -1)

    regular = {"output": "BCGHW"}
    assert equivariance_error(Stay(4), actions(P4), images(), layouts=regular).first_break is None
    assert equivariance_error(Stack(), actions(P4), images(), layouts=regular).relative > 0.1
    for guessed in (Stay(4), nn.Sequential(Stay(5), nn.Flatten(1, 2))):  # nobody said what G is
        report = equivariance_error(guessed, actions(P4), images())
        assert report.layers == ()
        assert "output" in report.unmeasured
    with pytest.raises(TypeError, match="not known"):
        Action(P4, torch.tensor([1.0]))(torch.zeros(2, 1, 5, 3, 3))
    with pytest.raises(ValueError, match="elements=None"):
        actions(SO2())
