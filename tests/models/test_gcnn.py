"""The GCNN: its size, its knobs, and what full and partial equivariance must be."""

from math import radians
from statistics import median

import pytest
import torch
from torch import Tensor, nn

from constructors import compose, construct_model
from models.gcnn import GCNN
from partial_equiv.ck import ContinuousKernel
from partial_equiv.equivariance import Action, equivariance_error
from partial_equiv.gconv import Dropout, GroupFeature, SpatialPool
from partial_equiv.groups import SO2
from partial_equiv.relaxations import relaxations_of
from tests import shipped
from tests.blobs import blobs
from tests.tolerances import INTERPOLATED

PUBLISHED = {"hidden_channels": 128, "widths": (1,) + 7 * (2,), "pools": (2, 5)}


@pytest.mark.parametrize(
    ("base_group", "partial_", "count"),
    [
        ("T2", False, 3_992_042),
        ("SE2", False, 3_992_170),
        ("SE2", True, 3_992_179),
        ("E2", False, 3_992_234),
        ("E2", True, 3_992_252),
    ],
)
def test_the_published_net_has_the_stated_parameters(
    base_group: str, partial_: bool, count: int
) -> None:
    lifting, conv = shipped.layers(base_group, partial=partial_)
    model = GCNN(1, 10, lifting, conv, dropout_after=(2, 5, 8), **PUBLISHED)
    assert sum(parameter.numel() for parameter in model.parameters()) == count


def test_pools_and_dropout_stand_where_they_are_asked_for() -> None:
    lifting, conv = shipped.layers("SE2")
    model = GCNN(1, 2, lifting, conv, widths=[1, 1], pools=[0, 2], dropout_after=[1], dropout=0.3)
    names = [name for name, _ in model.named_children()]
    kinds = {name: type(module) for name, module in model.named_children()}
    assert kinds["pool0"] is kinds["pool2"] is SpatialPool
    assert kinds["dropout1"] is Dropout
    assert names.index("pool0") < names.index("conv1") < names.index("dropout1")
    assert "pool1" not in names


@pytest.mark.parametrize("knob", ["pools", "dropout_after"])
def test_a_layer_that_is_not_there_is_refused(knob: str) -> None:
    lifting, conv = shipped.layers("SE2")
    with pytest.raises(ValueError, match=rf"{knob}=\[3\]: the last layer is number 2"):
        GCNN(1, 2, lifting, conv, widths=[1, 1], **{"pools": [], knob: [3]})


def config_model(*overrides: str, seed: int = 0) -> nn.Module:
    return construct_model(compose(["dataset=mnist", f"seed={seed}", *overrides]))


@pytest.mark.parametrize("pool", ["blur", "max"])
def test_turns_between_pixels_are_bounded(pool: str) -> None:
    """The shipped net, SIREN ω0 = 10 and 8 samples, 28 x 28 pixels, at initialisation."""
    errors: dict[int, list[float]] = {30: [], 45: []}
    still = blobs(SO2(), torch.zeros(1), num_images=12)
    for seed in range(5):
        model = config_model(f"net.pool={pool}", "conv.partial=False", seed=seed).double().eval()
        for degrees, values in errors.items():
            element = torch.tensor([radians(degrees)], dtype=torch.float64)
            moved = blobs(SO2(), element, num_images=12)
            turn = Action(SO2(), element)
            values.append(equivariance_error(model, turn, still, moved=moved).relative)
    for degrees, values in errors.items():
        assert median(values) <= INTERPOLATED[pool], (degrees, values)


def test_range_one_equals_the_full_net_bit_for_bit() -> None:
    x = torch.randn(3, 1, 28, 28)
    for base_group in ("SE2", "E2"):
        full, part = (
            config_model(f"base_group={base_group}", f"conv.partial={value}").eval()
            for value in (False, True)
        )
        assert torch.equal(full(x), part(x))
    full, part = (
        config_model("base_group.sampling=random", f"conv.partial={value}").train()
        for value in (False, True)
    )
    outputs = []
    for model in (full, part):
        torch.manual_seed(1)
        outputs.append(model(x))
        outputs[-1].square().sum().backward()
    assert torch.equal(*outputs)
    for name, parameter in full.named_parameters():
        assert torch.equal(parameter.grad, part.get_parameter(name).grad), name


class AtIdentity(ContinuousKernel):
    """ψ(·, e): a kernel on the group, read at the identity's coordinates alone."""

    def __init__(self, kernel: ContinuousKernel, identity: Tensor) -> None:
        sizes = kernel.in_coordinates, kernel.out_channels, kernel.in_channels
        super().__init__(*sizes, kernel.readout.in_features)
        self.kernel, self.identity, self.readout = kernel, identity, kernel.readout

    def basis(self, coordinates: Tensor) -> Tensor:
        missing = self.in_coordinates - coordinates.shape[-1]
        if missing == 0:
            return self.kernel.basis(coordinates)
        identity = self.identity.expand(*coordinates.shape[:-1], missing)
        return self.kernel.basis(torch.cat([coordinates, identity], dim=-1))


@pytest.mark.parametrize("base_group", ["SE2", "E2"])
def test_an_empty_range_leaves_the_translations(base_group: str) -> None:
    """θ = 0 and no mirror in every layer, lifting included, is the T2 net with kernels ψ(·, e)."""
    kernel = "kernel.hidden_channels=8"
    part = config_model(f"base_group={base_group}", "conv.partial=True", kernel).double().eval()
    plain = config_model("base_group=T2", "conv.partial=False", kernel).double().eval()
    group = shipped.group(base_group)
    identity = group.coordinates(group.identity(torch.float64))
    convolutions = [module for module in plain.modules() if hasattr(module, "kernel_weights")]
    for (layer, learned), theirs in zip(relaxations_of(part), convolutions, strict=True):
        learned.range.data.zero_()
        if learned.keep_logits is not None:
            learned.keep_logits.data.fill_(-1.0)
        theirs.kernel = AtIdentity(part.get_submodule(layer).kernel, identity)
    plain.readout.load_state_dict(part.readout.state_dict())
    x = torch.randn(2, 1, 28, 28).double()
    torch.testing.assert_close(part(x), plain(x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("value", [0.35, 0.8, 1.0])
def test_the_gradient_of_the_range_is_that_of_the_loss(value: float) -> None:
    """Central differences in float64, one-sided at the border of [0, 1]."""
    torch.manual_seed(0)
    lifting, conv = shipped.layers("SE2", partial=True)
    model = GCNN(1, 2, lifting, conv, hidden_channels=3, widths=[1], pools=[]).double().eval()
    x = torch.randn(2, 1, 9, 9).double()
    ranges = [learned.range for _, learned in relaxations_of(model)]

    def loss(at: float) -> Tensor:
        for parameter in ranges:
            parameter.data.fill_(at)
        return model(x).square().sum()

    slope = sum(g.item() for g in torch.autograd.grad(loss(value), ranges))
    step = 1e-7  # a longer one meets corners of the ReLUs
    if value == 1.0:
        numeric = (3 * loss(1) - 4 * loss(1 - step) + loss(1 - 2 * step)) / (2 * step)
    else:
        numeric = (loss(value + step) - loss(value - step)) / (2 * step)
    assert slope == pytest.approx(numeric.item(), rel=1e-5)
    assert abs(slope) > 1e-6


@pytest.mark.parametrize("each", ["channel", "value"])
def test_dropout_drops_what_it_says_and_keeps_the_mean(each: str) -> None:
    torch.manual_seed(0)
    feature = GroupFeature(torch.ones(8, 64, 4, 5, 5), SO2().grid(4)[None])
    dropped = Dropout(0.3, each)(feature).x
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / 0.7).item()}
    assert abs(dropped.mean().item() - 1) < 0.1
    alike = (dropped == dropped[:, :, :1, :1, :1]).flatten(2).all(-1)
    assert alike.all() if each == "channel" else not alike.any()
    assert torch.equal(Dropout(0.3, each).eval()(feature).x, feature.x)
