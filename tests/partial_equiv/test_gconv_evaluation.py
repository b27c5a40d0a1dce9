"""Frozen kernels, precision, orders of summation and layouts: ways to the same function."""

from functools import partial
from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from partial_equiv.baking import bake
from partial_equiv.ck import Kernel, MAGNet, Siren
from partial_equiv.gconv import (
    GroupConv,
    GroupFeature,
    GroupPool,
    LiftingConv,
    Norm,
    PointwiseConv,
    SpatialPool,
    frozen_kernels,
)
from partial_equiv.gconv.evaluation import InTurn
from partial_equiv.gconv.filtering import FilterFirst
from partial_equiv.groups import O2, SO2
from tests import shipped
from tests.blobs import images
from tests.shipped import siren_on


def two_layers(base_group: str) -> nn.Sequential:
    torch.manual_seed(0)
    lifting, conv = shipped.layers(base_group, partial=shipped.has_subset(base_group))
    return nn.Sequential(lifting(1, 3), conv(3, 2))


@pytest.mark.parametrize("base_group", shipped.names("base_group"))
def test_frozen_kernels_are_generated_once_and_change_nothing(
    base_group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, calls = two_layers(base_group).eval(), []
    windows = Siren.windows
    monkeypatch.setattr(Siren, "windows", lambda k, *a: calls.append(k) or windows(k, *a))
    x = images(2, 1, 8, 8).float()
    expected = model(x).x
    calls.clear()
    with torch.no_grad(), frozen_kernels(model):
        for _ in range(3):
            assert torch.equal(model(x).x, expected)
        assert len(calls) == 2
        model[0].kernel.readout.weight.mul_(2)
    assert not torch.equal(model(x).x, expected)


def test_frozen_kernels_refuse_training() -> None:
    with pytest.raises(RuntimeError, match="training mode"), frozen_kernels(nn.Linear(1, 1)):
        pass


def test_frozen_kernels_see_that_the_incoming_elements_changed() -> None:
    conv = GroupConv(1, 1, **siren_on()).eval()
    x = torch.randn(1, 1, 2, 5, 5)
    one, other = (GroupFeature(x, torch.tensor([[[0.0], [angle]]])) for angle in (1.0, 2.0))
    with torch.no_grad(), frozen_kernels(conv):
        conv(one)
        frozen = conv(other).x
    assert torch.equal(frozen, conv(other).x)


def test_frozen_shortcuts_take_the_weights_of_the_branch() -> None:
    shortcut = PointwiseConv(1, 2, **siren_on()).eval()
    x, grid = torch.randn(2, 1, 4, 5, 5), SO2().grid(4)[None]
    feature, other = GroupFeature(x, grid), SO2().grid(2)[None]
    with torch.no_grad(), frozen_kernels(shortcut):
        for elements in (grid, grid, other):
            weights = torch.rand(2, elements.shape[1])
            answer = shortcut(feature, like=GroupFeature(x, elements, weights))
            assert torch.equal(answer.weights, weights)
            assert torch.equal(answer.elements, elements)


def test_images_that_share_their_elements_share_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever each of them counts an element for: that weighs the maps."""
    conv = GroupConv(2, 3, **siren_on()).double().eval()
    x, grid, weights = images(3, 2, 4, 5, 5), SO2().grid(4).double()[None], images(3, 4).abs()
    expected = [conv(GroupFeature(x[i : i + 1], grid, weights[i : i + 1])).x for i in range(3)]
    made, factors = [], GroupConv.factors
    monkeypatch.setattr(GroupConv, "factors", lambda *a: made.append(factors(*a)) or made[-1])
    answer = conv(GroupFeature(x, grid, weights)).x
    torch.testing.assert_close(answer, torch.cat(expected), rtol=1e-10, atol=1e-12)
    assert [len(weight) for (weight,) in made] == [1]


@pytest.mark.parametrize("kernel", [Siren, MAGNet])
def test_under_autocast_kernels_are_those_of_full_precision_rounded_once(
    kernel: type[Kernel],
) -> None:
    torch.manual_seed(0)
    sampled = {**siren_on(), "kernel": partial(kernel, hidden_channels=32)}
    conv = GroupConv(4, 4, **sampled)
    feature = GroupFeature(torch.randn(1, 4, 4, 5, 5), SO2().grid(4)[None])
    exact = conv.kernel_weights(feature, feature.elements)
    draws, learned = torch.randn(exact.shape), [*conv.kernel.parameters()]
    wanted = torch.autograd.grad((exact * draws).sum(), learned)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(conv.kernel_weights(feature, feature.elements), exact)
        (weight,) = conv.factors(conv.reading(feature, feature.elements))
        assert conv(feature).x.dtype == weight.dtype == torch.bfloat16
    size = exact.abs().max().item()
    torch.testing.assert_close(weight.float(), exact, rtol=2**-8, atol=2**-15 * size)
    gradients = torch.autograd.grad((weight * draws).sum(), learned)
    for one, other in zip(gradients, wanted, strict=True):
        assert (one - other).norm() < 0.02 * other.norm()


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("size", [1, 5])  # smaller and larger maps than kernels
def test_frozen_kernels_are_of_the_precision_that_is_asked_for(size: int, separable: bool) -> None:
    torch.manual_seed(0)
    conv = GroupConv(3, 2, separable=separable, **siren_on()).eval()
    feature = GroupFeature(torch.randn(2, 3, 4, size, size), SO2().grid(4)[None])
    half = partial(torch.autocast, "cpu", torch.bfloat16)
    with torch.no_grad():
        expected = conv(feature).x
        with half():
            rounded = conv(feature).x
        with frozen_kernels(conv):
            for _ in range(2):
                with half():
                    torch.testing.assert_close(conv(feature).x, rounded, rtol=2**-7, atol=2**-6)
                assert torch.equal(conv(feature).x, expected)


def summed(
    layer: LiftingConv | GroupConv | PointwiseConv, feature: GroupFeature, elements: Tensor
) -> Tensor:
    """The layer's response by its definition: a sum over taps, incoming elements and channels."""
    values = layer.kernel(layer.kernel_coordinates(elements, feature.elements))
    weights = torch.ones(feature.elements.shape[:2]).double()
    if feature.weights is not None:
        weights = feature.weights
    weights = weights / weights.sum(-1, keepdim=True) if layer.relative else weights
    size, total = layer.stencil.kernel_size, torch.zeros(()).double()
    reach = size // 2
    padded = functional.pad(feature.x, (reach,) * 4)
    for tap, (right, down) in enumerate((layer.stencil.positions * max(reach, 1)).round().int()):
        row, column = down + reach, right + reach
        shifted = padded[
            ..., row : row + feature.x.shape[-2], column : column + feature.x.shape[-1]
        ]
        total = total + torch.einsum(
            "sghdc,sh,schxy->sdgxy",
            values[:, :, :, tap],
            weights.expand(len(elements), -1),
            shifted,
        )
    return total + layer.bias[:, None, None, None]


@pytest.mark.parametrize(
    ("base_group", "kernel"),
    [
        pair
        for pair in product(shipped.names("base_group"), shipped.names("kernel"))
        if shipped.is_allowed(*pair)
    ],
)
@pytest.mark.parametrize("size", [3, 20])  # smaller and larger maps than kernels
@pytest.mark.parametrize("rank", [None, 2])
def test_every_order_of_the_sum_is_the_same_function(
    base_group: str, kernel: str, size: int, rank: int | None
) -> None:
    torch.manual_seed(0)
    lifting, conv = shipped.layers(base_group, kernel=kernel, rank=rank)
    layers = [layer.double() for layer in (lifting(2, 3), conv(3, 2))]
    x = images(1, 2, size, size).requires_grad_()
    lifted = layers[0](x)
    weights = torch.linspace(0.5, 2, lifted.x.shape[2]).double().requires_grad_()
    lifted = GroupFeature(lifted.x, lifted.elements, weights[None])
    answer = layers[1](lifted)
    plain = GroupFeature(x[:, :, None], layers[0].sampling.group.identity(torch.double)[None, None])
    expected = [summed(layers[0], plain, lifted.elements)]
    expected.append(summed(layers[1], lifted, answer.elements))
    sources = [x, weights, *layers[0].parameters(), *layers[1].parameters()]
    sources = [source for source in sources if source.requires_grad]
    draws = images(*answer.x.shape, seed=1)
    torch.testing.assert_close(lifted.x, expected[0], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(answer.x, expected[1], rtol=1e-9, atol=1e-9)
    gradients = (
        torch.autograd.grad((y * draws).sum(), sources, retain_graph=True, allow_unused=True)
        for y in (answer.x, expected[1])
    )
    for one, other in zip(*gradients, strict=True):
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def filtering(monkeypatch: pytest.MonkeyPatch, pays: bool) -> None:
    monkeypatch.setattr("partial_equiv.gconv.convolution.filtering_pays", lambda *_: pays)


@pytest.mark.parametrize(
    ("base_group", "kernel", "settings"),
    [
        *((name, "siren", {}) for name in shipped.names("base_group")),
        *(("E2", name, {}) for name in shipped.names("kernel") if name not in ("siren", "grid")),
        ("SE2", "siren", {"kernel_size": 4, "stride": 2, "padding": 1, "bias": False}),
        ("SE2", "siren", {"padding_mode": "circular", "dilation": 2, "channels_last": True}),
    ],
)
def test_to_filter_first_is_the_same_function(
    base_group: str, kernel: str, settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    partial = shipped.has_subset(base_group)
    factories = shipped.layers(base_group, kernel=kernel, partial=partial, **settings)
    layers = [layer.double() for layer in (factories[0](2, 3), factories[1](3, 2))]
    x, answers = images(2, 2, 7, 7).requires_grad_(), []
    sources = [x, *layers[0].parameters(), *layers[1].parameters()]
    for first in (True, False):
        filtering(monkeypatch, first)
        torch.manual_seed(1)
        y = layers[1](layers[0](x)).x
        loss = (y * images(*y.shape, seed=1)).sum()
        answers.append([y, *torch.autograd.grad(loss, sources, allow_unused=True)])
    for one, other in zip(*answers, strict=True):
        if other is not None:
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_wide_layers_filter_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nets of 64 channels, not of 8: and they are frozen and baked as all nets are."""
    lifting, conv = shipped.layers("SE2")
    wide = nn.Sequential(lifting(1, 64), conv(64, 64), GroupPool()).eval()
    x, kernels = images(1, 1, 8, 8).float(), {}
    with torch.no_grad():
        for pays in (None, False):
            if pays is not None:
                filtering(monkeypatch, pays)
            with frozen_kernels(wide) as made:
                wide(x)
                kernels[pays] = (wide(x), type(made[wide[1]].order))
        narrow = lifting(1, 8).eval()
        with frozen_kernels(narrow) as made:
            narrow(x)
    assert isinstance(made[narrow].order, InTurn)
    assert [kind for _, kind in kernels.values()] == [FilterFirst, InTurn]
    torch.testing.assert_close(kernels[None][0], kernels[False][0], rtol=1e-4, atol=1e-4)
    monkeypatch.undo()
    torch.testing.assert_close(bake(wide, (1, 8, 8))(x), kernels[None][0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("base_group", ["SE2", "E2"])
def test_every_image_can_have_kernels_of_its_own(base_group: str, rank: int | None) -> None:
    torch.manual_seed(0)
    sampling = shipped.sampling(base_group, num_samples=4, sampling="random", scope="element")
    factories = shipped.layers(base_group, sampling=sampling, partial=True, rank=rank)
    lifting, conv = factories[0](2, 3).double(), factories[1](3, 2).double()
    lifted = lifting(images(2, 2, 6, 6))
    answer = conv(lifted)
    assert len(answer.elements) == 2
    torch.testing.assert_close(
        answer.x, summed(conv, lifted, answer.elements), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("scope", ["layer", "element"])
def test_the_layout_of_the_maps_changes_nothing(rank: int | None, scope: str) -> None:
    answers = []
    for channels_last in (False, True):
        torch.manual_seed(0)
        given = {"rank": rank, "channels_last": channels_last, "partial": True}
        sampled = siren_on(O2(), 8, sampling="random", scope=scope)
        lifting = LiftingConv(2, 3, **sampled, **given).double()
        conv, norm = GroupConv(3, 4, **sampled, **given).double(), Norm(4).double()
        x = images(2, 2, 6, 6).requires_grad_()
        y = SpatialPool()(norm(conv(lifting(x)))).x
        sources = [x, conv.relaxation.keep_logits, conv.bias, *conv.kernel.parameters()]
        gradients = torch.autograd.grad((y * images(*y.shape, seed=1)).sum(), sources)
        answers.append([y, *gradients])
    for one, other in zip(*answers, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
