"""The meter's reasons are true, also on nets of others: what is not known is not measured."""

import warnings
from math import pi

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from partial_equiv.equivariance import Action, actions, equivariance_error
from partial_equiv.groups import SO2, Cyclic, Mirror
from tests.tolerances import EXACT

P4, EIGHTH = actions(Cyclic(4)), Action(SO2(), torch.tensor([pi / 4]))
X = torch.randn(3, 2, 8, 8, generator=torch.Generator().manual_seed(0)).double()
SMOOTH = functional.interpolate(X[..., :5, :5], (21, 21), mode="bicubic", align_corners=True)


def symmetric(*, width: int = 3, around: bool = True, **settings: object) -> nn.Conv2d:
    """A convolution that commutes with quarter turns; also with smaller ones, as far as pixels
    allow, if its kernel is the same all `around`."""
    torch.manual_seed(1)
    layer = nn.Conv2d(2, 2, width, **settings).double()
    weight = sum(layer.weight.data.rot90(k, (-2, -1)) for k in range(4)) / 4
    if around:
        y, x = torch.meshgrid(*[torch.arange(width) - width // 2] * 2, indexing="ij")
        weight = weight[..., :1, :1] * torch.exp(-(x.square() + y.square()) / 2)
    layer.weight.data = weight
    return layer


@pytest.mark.parametrize("place", [0, 2])
def test_between_the_pixels_a_plain_convolution_is_told_from_a_symmetric_one(place: int) -> None:
    layers = [symmetric(), nn.ReLU(), symmetric(), nn.AvgPool2d(3, 2, 1)]
    fine = equivariance_error(nn.Sequential(*layers), EIGHTH, SMOOTH)
    assert fine.reason.startswith("interpolation: ")
    torch.manual_seed(0)
    layers[place] = nn.Conv2d(2, 2, 3).double()
    plain = equivariance_error(nn.Sequential(*layers), EIGHTH, SMOOTH)
    assert plain.first_break.name == str(place)
    assert plain.reason == (
        "the layer itself does not commute with the transform, even if whole pixels move"
    )


def test_a_kernel_that_only_quarter_turns_leave_alone_loses_more_than_interpolation() -> None:
    corners = symmetric(width=5)
    corners.weight.data *= 0
    corners.weight.data[..., ::4, ::4] = 1.0
    net = nn.Sequential(symmetric(), corners)
    assert equivariance_error(net, P4, SMOOTH).first_break is None
    report = equivariance_error(net, EIGHTH, SMOOTH)
    assert report.first_break.name == "1"
    assert report.reason.startswith("the layer itself does not commute with the transform: in the")


def test_a_pool_off_the_middle_is_told_at_an_eighth_of_a_turn() -> None:
    net = nn.Sequential(symmetric(), nn.MaxPool2d(2))
    report = equivariance_error(net, EIGHTH, SMOOTH)  # 19 pixels
    assert report.first_break.name == "1"
    assert report.reason.endswith("but (19 + 2·0 - 2) mod 2 = 1, even if whole pixels move")


class Tokens(nn.Module):
    """An exactly invariant net: patches become tokens, which are only looked at one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = symmetric(width=2, around=False, stride=2)
        self.dropout, self.norm, self.mix = nn.Dropout(), nn.LayerNorm(2), nn.Linear(2, 6)
        self.attention = nn.Softmax(dim=-1)
        self.head = nn.Linear(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(self.dropout(self.patches(x).flatten(2).mT))
        q, k, v = self.mix(tokens).unflatten(2, (1, -1)).transpose(1, 2).chunk(3, -1)
        weights = self.attention(q @ k.mT)  # [B, 1, N, N], as if it was a map
        return self.head((weights @ v).transpose(1, 2).flatten(2).mean(1))


class ChannelsLast(nn.Module):
    """As in ConvNeXt: the norm and the linear layers want the channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.filter = symmetric(padding=1, groups=1)
        self.norm, self.wide, self.act, self.back = (
            *(nn.LayerNorm(2), nn.Linear(2, 8), nn.GELU(), nn.Linear(8, 2)),
        )

    def forward(self, x: Tensor) -> Tensor:
        last = self.norm(self.filter(x).permute(0, 2, 3, 1))
        return x + self.back(self.act(self.wide(last))).permute(0, 3, 1, 2)


def test_tokens_and_attention_are_not_taken_for_maps_or_vectors() -> None:
    net = Tokens().double()
    report = equivariance_error(net, P4, X)
    assert report.first_break is None, str(report)
    assert [layer.name for layer in report.layers] == ["patches", "head", ""]
    assert {*report.unmeasured} == {"dropout", "norm", "mix", "attention"}
    assert "not measured: dropout, norm" in str(report)

    def grid(move: object, tokens: Tensor) -> Tensor:
        return move(tokens.mT.unflatten(2, (4, 4))).flatten(2).mT

    layouts = {"dropout": grid, "norm": grid, "mix": grid, "attention": lambda _, x: x}
    told = equivariance_error(net, P4, X, layouts=layouts)
    assert told.first_break.name == "attention", "which was said not to move"
    assert told.layers[2].mean.relative < EXACT[torch.float64]


def test_channels_last_is_followed_and_can_be_said() -> None:
    net = ChannelsLast().double()
    report = equivariance_error(net, P4, X)
    assert report.first_break is None, str(report)
    assert {*report.unmeasured} == {"norm", "wide", "act", "back"}
    said = equivariance_error(net, P4, X, layouts=dict.fromkeys(report.unmeasured, "BHWC"))
    assert said.first_break is None
    assert len(said.layers) == 6
    inner = equivariance_error(
        nn.Linear(2, 3).double(), P4, X.permute(0, 2, 3, 1), layouts={"*put": "BHWC"}
    )
    assert inner.relative < EXACT[torch.float64]


def test_videos_are_measured_if_their_axes_are_named() -> None:
    video = torch.randn(3, 2, 4, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    axes = {"*put": "BCTHW"}
    assert equivariance_error(nn.AvgPool3d(2), P4, video, layouts=axes).first_break is None
    assert equivariance_error(nn.MaxPool3d((2, 3, 3)), P4, video, layouts=axes).relative > 0.1
    with pytest.raises(ValueError, match=r"no transform moves.*layouts"):
        equivariance_error(nn.AvgPool3d(2), P4, video)
    with pytest.raises(ValueError, match="names each axis once"):
        equivariance_error(nn.AvgPool3d(2), P4, video, layouts={"*": "BCTHH"})


def test_a_break_in_what_is_not_measured_is_put_there() -> None:
    class Ramp(nn.Module):
        def forward(self, tokens: Tensor) -> Tensor:
            return tokens * torch.arange(len(tokens[0])).double()[:, None]

    net = Tokens().double()
    net.dropout = Ramp()
    report = equivariance_error(net, P4, X)
    assert report.first_break.name == "head"
    assert report.reason == (
        "it is exact, but what is computed before it is not; layers before it that are not "
        "measured: dropout, norm, mix, attention"
    )


def test_what_is_random_in_evaluation_is_said_to_be() -> None:
    class Noise(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + torch.randn_like(x)

    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.relu(x + torch.randn_like(x))

    report = equivariance_error(nn.Sequential(nn.ReLU(), Noise(), nn.ReLU()), P4, X)
    assert report.first_break.name == "1"
    assert report.reason.startswith("it is random in evaluation")
    report = equivariance_error(Noisy(), P4, X)
    assert report.first_break.name == "relu"
    assert report.reason.startswith("what is computed before it is random in evaluation")


class Calls(nn.Module):
    """A function, then a layer."""

    def __init__(self, function: object) -> None:
        super().__init__()
        self.function, self.layer = function, symmetric()

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.function(x))


FUNCTIONS = {
    "max_pool2d": lambda x: functional.max_pool2d(x, 3),
    "avg_pool2d": lambda x: functional.avg_pool2d(x, kernel_size=(3, 2), stride=2),
    "lp_pool2d": lambda x: functional.lp_pool2d(x.abs(), 2, 3, 2),
    "conv2d": lambda x: functional.conv2d(x, torch.ones(2, 2, 3, 3).double(), stride=2),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_get_the_stride_reason_where_it_is_true(name: str) -> None:
    x, half = functional.pad(X, (0, 2, 0, 2), mode="circular"), actions(Cyclic(2))
    outside = equivariance_error(Calls(FUNCTIONS[name]), half, x)
    assert outside.first_break.name == "layer"
    assert outside.reason.startswith(
        f"it is exact, but a function before it breaks the stride rule: {name}: (10"
    )

    class Pool(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return FUNCTIONS[name](x)

    inside = equivariance_error(nn.Sequential(symmetric(padding=1), Pool()), half, x)
    assert inside.first_break.name == "1"
    assert inside.reason.startswith(f"a function that it calls breaks the stride rule: {name}: (10")
    ramp = equivariance_error(Calls(lambda x: FUNCTIONS[name](x * torch.arange(10.0))), half, x)
    assert "stride" not in ramp.reason


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.LPPool2d(2, 3), "but (8 + 2·0 - 3) mod 3 = 2"),
        (nn.MaxPool2d(3, ceil_mode=True), "but (8 + 2·0 - 3) mod 3 = 2"),
        (
            nn.ConvTranspose2d(2, 2, 3, stride=2, output_padding=1, bias=False),
            "but output_padding=(1, 1) adds pixels on one side only",
        ),
    ],
)
def test_other_strided_layers_do_too(layer: nn.Module, reason: str) -> None:
    layer = layer.double()
    for weight in layer.parameters():
        weight.data.fill_(0.3)
    report = equivariance_error(layer, P4, X.abs())
    assert report.reason.startswith("its windows do not lie in the middle of the map")
    assert report.reason.endswith(reason)
    if isinstance(layer, nn.ConvTranspose2d):
        layer.output_padding = (0, 0)
        assert equivariance_error(layer, P4, X).first_break is None
        nn.init.normal_(layer.weight)
        layer.output_padding = (1, 1)
        assert "does not commute" in equivariance_error(layer, P4, X).reason


def test_scripted_modules_are_measured_as_a_whole() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(nn.Sequential(nn.ReLU(), nn.MaxPool2d(3)))
    for net, name in ((nn.Sequential(nn.ReLU(), scripted, nn.ReLU()), "1"), (scripted, "")):
        report = equivariance_error(net, P4, X)
        assert report.first_break.name == name
        assert report.reason == "the layer itself does not commute with the transform"


def test_a_module_may_take_gradients_while_it_runs() -> None:
    class Slope(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            x = x.detach().requires_grad_()
            return torch.autograd.grad(x.pow(3).sum(), x)[0]

    assert equivariance_error(nn.Sequential(nn.ReLU(), Slope()), P4, X).first_break is None
    broken = nn.Sequential(Slope(), nn.MaxPool2d(3))
    assert equivariance_error(broken, P4, X).first_break.name == "1"
    assert torch.is_grad_enabled()


def test_the_mirror_of_a_net_without_one_is_no_stride() -> None:
    (_, mirror), layer = actions(Mirror()), nn.Conv2d(2, 2, 3, stride=2).double()
    reason = equivariance_error(layer, mirror, X).reason
    assert reason == "the layer itself does not commute with the transform"
