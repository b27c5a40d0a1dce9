"""The meter on anybody's modules: whatever they take, give and do to what they are given."""

from math import isnan

import pytest
import torch
from torch import Tensor, nn

from partial_equiv.equivariance import (
    actions,
    equivariance_error,
    inexact_layers,
    layer_correlations,
)
from partial_equiv.groups import Cyclic, Mirror
from tests.tolerances import EXACT

P4 = actions(Cyclic(4))
X = torch.randn(3, 2, 8, 8, generator=torch.Generator().manual_seed(0)).double()


class Two(nn.Module):
    """A picture and another one: what is done to them, and what is given, is chosen."""

    def __init__(self, one: nn.Module, other: nn.Module) -> None:
        super().__init__()
        self.one, self.other = one, other

    def forward(self, x: Tensor, y: Tensor, *, kind: type = tuple) -> object:
        both = self.one(x), self.other(y)
        return both[0] + both[1] if kind is Tensor else kind(both)


class Named(nn.Module):
    def forward(self, x: Tensor) -> dict[str, object]:
        return {"maps": x, "rest": [x.mean((-2, -1)), "text"]}


def test_all_arguments_are_moved_and_all_values_measured() -> None:
    smooth = Two(nn.AvgPool2d(3, 1), nn.MaxPool2d(2))
    report = equivariance_error(smooth, P4, (X, X + 1))
    assert [layer.name for layer in report.layers] == ["one", "other", "[0]", "[1]"]
    assert report.layers[-1].label == "output[1]"
    assert report.first_break is None
    assert str(report).endswith("equivariant")
    with pytest.raises(ValueError, match="several values"):
        _ = report.relative
    broken = equivariance_error(Two(nn.AvgPool2d(2), nn.MaxPool2d(3)), P4, (X, X + 1))
    assert broken.first_break.name == "other"
    assert broken.reason.endswith("but (8 + 2·0 - 3) mod 3 = 2")
    turned = [action(X) for action in P4]
    one_stays = equivariance_error(smooth, P4, (X, X), moved=[(each, X) for each in turned])
    assert one_stays.first_break.name == "other"
    names = [layer.name for layer in equivariance_error(Named(), P4, X).layers]
    assert names == ["[maps]", "[rest][0]"]


def test_a_layer_of_several_arguments_is_looked_at_with_all_of_them_moved() -> None:
    class Sum(nn.Module):
        def forward(self, x: Tensor, *, beside: Tensor) -> Tensor:
            return x + beside

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.sum = Sum()

        def forward(self, x: Tensor) -> Tensor:
            return self.sum(x, beside=x * torch.arange(8.0))  # breaks it, outside of any layer

    report = equivariance_error(Net(), P4, X)
    assert report.first_break.name == "sum"
    assert report.reason.startswith("it is exact, but what is computed before it is not")


def test_correlations_take_several_arguments_too() -> None:
    (mirror,) = actions(Mirror())[1:]
    layers = layer_correlations(Two(nn.AvgPool2d(3, 1), nn.MaxPool2d(2)), mirror, (X, X + 1))
    assert [layer.name for layer in layers] == ["one", "other", "[0]", "[1]"]
    assert all((layer.equivariant - 1).abs().max() < 1e-9 for layer in layers)


def test_layers_that_write_into_what_they_read_change_nothing_of_the_caller_s() -> None:
    x = X.clone()
    report = equivariance_error(nn.Sequential(nn.ReLU(inplace=True), nn.AvgPool2d(2)), P4, x)
    assert report.first_break is None
    assert torch.equal(x, X)


def test_a_layer_in_two_places_is_measured_once_a_call() -> None:
    shared = nn.ReLU()
    net = nn.Sequential(nn.Sequential(shared), nn.Sequential(nn.AvgPool2d(2), shared))
    names = [layer.name for layer in equivariance_error(net, P4, X).layers]
    assert names == ["0.0", "0", "1.0", "0.0:2", "1", ""]


def test_norms_and_dropout_are_measured_as_in_evaluation_and_left_as_they_were() -> None:
    net = nn.Sequential(nn.BatchNorm2d(2), nn.Dropout(0.5), nn.AvgPool2d(2)).double().train()
    assert equivariance_error(net, P4, X).relative < EXACT[torch.float64]
    assert net.training
    assert net[0].num_batches_tracked == 0
    assert torch.is_grad_enabled()


def test_looking_for_inexact_layers_changes_no_mode_and_needs_no_parameters() -> None:
    net = nn.Sequential(nn.MaxPool2d(2), nn.Dropout(0.5)).train()
    net[1].eval()
    assert inexact_layers(net, 1, (9, 8)) == [("0", 9)]
    assert (net.training, net[0].training, net[1].training) == (True, True, False)


def test_an_exception_leaves_no_hook_behind() -> None:
    net = nn.Sequential(nn.ReLU(), nn.Linear(3, 3)).double().train()
    with pytest.raises(RuntimeError):
        equivariance_error(net, P4, X)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())
    assert net.training
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_small_errors_of_half_precision_do_not_vanish(dtype: torch.dtype) -> None:
    """1e-4 squared is nothing in float16."""
    x = X.to(dtype) * 1e-4
    report = equivariance_error(nn.AvgPool2d(3), P4, x)
    precise = equivariance_error(nn.AvgPool2d(3), P4, x.float())
    assert report.mse == pytest.approx(precise.mse, rel=0.05)
    assert report.relative == pytest.approx(precise.relative, rel=0.05)
    assert equivariance_error(nn.MaxPool2d(2), P4, x).first_break is None


def test_what_is_not_finite_is_no_equivariance() -> None:
    report = equivariance_error(lambda x: x / 0, P4, X)
    assert isnan(report.relative)
    assert report.reason == "it gives values that are not finite"


def test_scores_and_whole_numbers_are_measured() -> None:
    """A score an image [B], and classes of pixels; complex numbers as well."""
    assert equivariance_error(lambda x: x.mean((1, 2, 3)), P4, X).relative < EXACT[torch.float64]
    assert equivariance_error(lambda x: x[:, 0, 0, 0], P4, X).relative > 0.1
    classes = (X[:, :1] * 9).long()
    assert equivariance_error(nn.Identity(), P4, classes).relative == 0
    assert equivariance_error(lambda x: torch.complex(x, x), P4, X).relative == 0
    shifted = equivariance_error(lambda x: torch.complex(x, x.roll(1, -1)), P4, X)
    assert shifted.relative > 0.1


def test_a_layer_that_is_not_called_again_breaks_it() -> None:
    class Deciding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.relu(x) if x[0, 0, 0, 0] == X[0, 0, 0, 0] else x

    report = equivariance_error(Deciding(), P4, X)
    assert report.first_break.name == "relu"
    assert report.first_break.worst == 1
    assert "" in {each.name for each in layer_correlations(Deciding(), P4[1], X)}


def test_an_output_that_no_transform_knows_is_not_called_equivariant() -> None:
    class Stack(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([x] * 5, 2)

    report = equivariance_error(nn.Sequential(nn.AvgPool2d(2), Stack()), P4, X)
    assert str(report).endswith("no break, but it is not known how the module's output transforms")
    with pytest.raises(ValueError, match="not known how the module's output"):
        _ = report.mse
    assert str(equivariance_error(Stack(), P4, X)).startswith("nothing to measure")


@pytest.mark.parametrize(
    ("transforms", "inputs", "moved", "complaint"),
    [
        ([], X, None, "transforms=[]: one at least"),
        (P4, X[:1], None, "inputs: of shape [1, 2, 8, 8], two different images at least"),
        (P4, X[0], None, "inputs: of shape [2, 8, 8], which no transform moves; images are"),
        (P4, X, [X], "moved: 1 for 4 transforms"),
        (P4, (), None, "inputs: no tensor or feature in tuple"),
    ],
)
def test_what_cannot_be_measured_is_said(
    transforms: object, inputs: object, moved: object, complaint: str
) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        equivariance_error(nn.ReLU(), transforms, inputs, moved=moved)
    assert str(caught.value).startswith(complaint)
