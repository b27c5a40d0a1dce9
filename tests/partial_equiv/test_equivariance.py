"""Equivariance: exact on the pixel grid, bounded off it, and broken where it should be."""

from functools import partial
from itertools import product
from math import pi

import pytest
import torch
from torch import Tensor, nn

from models.gcnn import GCNN
from partial_equiv.ck import Siren
from partial_equiv.equivariance import (
    Action,
    act_on_images,
    equivariance_error,
    inexact_layers,
    resample,
    translate_elements,
)
from partial_equiv.gconv import GroupConv, GroupFeature, GroupPool, LiftingConv, Norm, SpatialPool
from partial_equiv.groups import O2, SO2, Finite, Group
from partial_equiv.sampling import Sampling
from tests import shipped
from tests.blobs import blobs
from tests.tolerances import BROKEN, EXACT

DTYPES = [torch.float64, torch.float32]
GROUPS = shipped.names("base_group")
QUARTER, HALF = torch.tensor([pi / 2]), torch.tensor([pi])
QUARTER_TURN = Action(SO2(), QUARTER.double())
MIRROR, TURNED_MIRROR = torch.tensor([0.0, 1.0]), torch.tensor([pi / 2, 1.0])


def exact_elements(group: Group) -> list[Tensor]:
    """Elements that map the pixel grid to itself."""
    if isinstance(group, Finite):
        return list(group.elements()[group.grid_permuting()])
    if group.optional_parts:
        return [torch.tensor([pi / 2, 0.0]), MIRROR, TURNED_MIRROR]
    return [QUARTER, HALF]


def images(dtype: torch.dtype, size: int = 12) -> Tensor:
    return torch.randn(4, 1, size, size, generator=torch.Generator().manual_seed(0)).to(dtype)


def net(base_group: str, kernel: str | None = None, **settings: object) -> GCNN:
    torch.manual_seed(0)
    shape = {
        name: settings.pop(name) for name in ("pool", "group_pool", "norm") if name in settings
    }
    lifting, conv = shipped.layers(base_group, kernel, **settings)
    return GCNN(1, 3, lifting, conv, hidden_channels=8, widths=[1, 1], pools=[0, 1], **shape)


def test_quarter_turns_and_mirrors_are_torch_s() -> None:
    x = torch.randn(2, 3, 4, 5)
    for matrix, expected in (
        (SO2().matrix(QUARTER), x.rot90(1, (-2, -1))),
        (SO2().matrix(-QUARTER), x.rot90(-1, (-2, -1))),
        (SO2().matrix(HALF), x.rot90(2, (-2, -1))),
        (O2().matrix(MIRROR), x.flip(-1)),
        (O2().matrix(torch.tensor([pi, 1.0])), x.flip(-2)),
        (O2().matrix(TURNED_MIRROR), x.flip(-1).rot90(1, (-2, -1))),
    ):
        assert torch.equal(act_on_images(matrix, x), expected)


def test_each_image_of_a_batch_is_moved_by_its_own_matrix() -> None:
    x = torch.randn(3, 2, 7, 9).double()
    elements = torch.tensor([[0.3, 0.0], [pi, 1.0], [-2.0, 1.0]], dtype=torch.float64)
    matrices = O2().matrix(elements)
    moved = resample(matrices, x)
    for i in range(3):
        torch.testing.assert_close(moved[i], act_on_images(matrices[i], x[i]))
    bright = resample(matrices, torch.ones_like(x), outside="border")
    torch.testing.assert_close(bright, torch.ones_like(x))
    assert resample(matrices, torch.ones_like(x)).min() == 0


def test_a_moved_image_has_the_slope_of_its_formula() -> None:
    """d/dθ of a resampled picture against that of the turned picture itself, in the mean."""
    angle = torch.tensor([0.4], dtype=torch.float64, requires_grad=True)
    still = blobs(SO2(), torch.zeros(1))
    target = blobs(SO2(), torch.tensor([0.9]))

    def match(moved: Tensor) -> Tensor:
        return (moved * target).sum()

    match(resample(SO2().matrix(angle[None]).expand(len(still), 2, 2), still)).backward()
    step = 1e-4
    above, below = (match(blobs(SO2(), angle.detach() + sign * step)) for sign in (1, -1))
    assert angle.grad.item() == pytest.approx((above - below).item() / (2 * step), rel=0.05)


@pytest.mark.parametrize("angle", [pi / 2, pi / 6, -2.0])
@pytest.mark.parametrize("mirrored", [0.0, 1.0])
def test_images_positions_and_kernels_move_alike(angle: float, mirrored: float) -> None:
    """One element, three actions: pixels of a picture with a formula, positions, and the kernel."""
    element = torch.tensor([angle, mirrored], dtype=torch.float64)
    still, moved = blobs(O2(), O2().identity()), blobs(O2(), element)
    interpolated = act_on_images(O2().matrix(element), still)
    quarter = angle == pi / 2
    assert (interpolated - moved).abs().max() < (1e-12 if quarter else 0.05 * still.abs().max())
    assert (moved - still).abs().max() > 0.5 * still.abs().max()
    layer = LiftingConv(1, 2, **lifting_settings()).double()
    kernel, turned = (
        layer.kernel_weights(GroupFeature(still[:, :, None], h[None, None]), h[None, None])
        for h in (O2().identity(torch.float64), element)
    )
    positions = layer.stencil.positions
    expected = layer.kernel(positions @ O2().matrix(element))  # ψ(h⁻¹p): rows times h = (h⁻¹)ᵀ
    window = layer.stencil.spread(expected.flatten(1)).T.reshape(kernel.shape)
    torch.testing.assert_close(turned, window)
    if quarter:
        torch.testing.assert_close(turned, act_on_images(O2().matrix(element), kernel))


def lifting_settings() -> dict[str, object]:
    return {
        "kernel": partial(Siren, hidden_channels=8),
        "sampling": partial(Sampling, O2(), 4),
        "kernel_size": 5,
    }


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("mode", ["eval", "random"])
@pytest.mark.parametrize("base_group", GROUPS)
def test_layers_are_exactly_equivariant(base_group: str, mode: str, dtype: torch.dtype) -> None:
    """Lifting, group convolution, norm, spatial pool and group pool, one more at a time; also in
    training with a random shift of the grid, if the image and its turn see the same shift."""
    group = shipped.group(base_group)
    random = mode == "random" and group.algebra_size > 0
    sampling = shipped.sampling(base_group, sampling="random" if random else "deterministic")
    torch.manual_seed(0)
    lifting, conv = shipped.layers(base_group, sampling=sampling)
    layers = [
        lifting(1, 3),
        Norm(3),
        SpatialPool("blur"),
        conv(3, 2),
        SpatialPool("max"),
        GroupPool(),
    ]
    model = nn.Sequential(*layers).to(dtype).train(random)

    def run(depth: int, x: Tensor) -> Tensor | GroupFeature:
        torch.manual_seed(1)
        return model[:depth](x)

    for depth in range(1, len(model) + 1):
        for element in exact_elements(group):
            action = Action(group, element.to(dtype))
            error = equivariance_error(partial(run, depth), action, images(dtype)).relative
            assert error < EXACT[dtype], (depth, element)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("base_group", "kernel"),
    [pair for pair in product(GROUPS, shipped.names("kernel")) if shipped.is_allowed(*pair)],
)
def test_nets_are_exactly_invariant(base_group: str, kernel: str, dtype: torch.dtype) -> None:
    model = net(base_group, kernel).to(dtype).eval()
    for element in exact_elements(shipped.group(base_group)):
        group = shipped.group(base_group)
        error = equivariance_error(model, Action(group, element.to(dtype)), images(dtype)).relative
        assert error < EXACT[dtype], element


@pytest.mark.parametrize("settings", [{"group_pool": "max"}, {"norm": "layer"}, {"pool": "mean"}])
def test_every_read_out_is_exactly_invariant(settings: dict[str, str]) -> None:
    model = net("E2", **settings).double().eval()
    for element in exact_elements(O2()):
        mirror = Action(O2(), element.double())
        error = equivariance_error(model, mirror, images(torch.float64)).relative
        assert error < EXACT[torch.float64]


def test_a_plain_convolution_is_caught() -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 3)).double()
    trivial = net("T2").double().eval()
    for model in (plain, trivial):
        error = equivariance_error(model, QUARTER_TURN, images(torch.float64)).relative
        assert error > BROKEN * EXACT[torch.float32]


def test_a_partial_layer_is_caught_outside_its_range() -> None:
    model = net("SE2", partial=True).double().eval()
    for name, parameter in model.named_parameters():
        if name.endswith("range"):
            parameter.data.fill_(0.25)
    half_turn = Action(SO2(), HALF.double())
    error = equivariance_error(model, half_turn, images(torch.float64)).relative
    assert error > BROKEN * EXACT[torch.float32]


def test_a_dropped_mirror_is_caught_and_rotations_stay_exact() -> None:
    model = net("E2", partial=True).double().eval()
    for name, parameter in model.named_parameters():
        if name.endswith("keep_logits"):
            parameter.data.fill_(-1.0)
    x, turn = images(torch.float64), torch.tensor([pi / 2, 0.0]).double()
    assert equivariance_error(model, Action(O2(), turn), x).relative < EXACT[torch.float64]
    mirrored = equivariance_error(model, Action(O2(), MIRROR.double()), x)
    assert mirrored.relative > BROKEN * EXACT[torch.float32]


def test_a_pool_off_centre_is_found_and_breaks_exactness() -> None:
    model = net("SE2").double().eval()
    assert inexact_layers(model, 1, (12, 12)) == []
    assert inexact_layers(model, 1, (13, 13)) == [("pool0", 13)]
    assert inexact_layers(model, 1, (14, 14)) == [("pool1", 7)]
    error = equivariance_error(model, QUARTER_TURN, images(torch.float64, 13)).relative
    assert error > BROKEN * EXACT[torch.float32]


def test_the_meter_needs_a_spread_and_closed_elements() -> None:
    feature = GroupFeature(torch.zeros(2, 1, 2, 4, 4), torch.tensor([[[0.0], [1.0]]]))
    with pytest.raises(ValueError, match="not closed"):
        translate_elements(SO2(), QUARTER, feature)
    with pytest.raises(ValueError, match="no spread"):
        equivariance_error(torch.zeros_like, QUARTER_TURN, torch.randn(2, 1, 4, 4))


def test_one_layer_turns_its_group_axis() -> None:
    """The regular representation by hand: four elements a quarter apart shift by one place."""
    conv = GroupConv(1, 1, **(lifting_settings() | {"sampling": partial(Sampling, SO2(), 4)}))
    feature = GroupFeature(torch.randn(1, 1, 4, 6, 6), SO2().grid(4)[None])
    turned = GroupFeature(feature.x.rot90(1, (-2, -1)).roll(1, 2), feature.elements)
    expected = conv(feature).x.rot90(1, (-2, -1)).roll(1, 2)
    torch.testing.assert_close(conv(turned).x, expected, rtol=0, atol=1e-5)
