"""Convolutions, norms and pools: what they compute, apart from equivariance."""

from collections.abc import Callable
from functools import partial
from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from partial_equiv.ck import Siren
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
from partial_equiv.gconv.evaluation import convolve
from partial_equiv.gconv.stencil import Stencil
from partial_equiv.gconv.windows import Windows
from partial_equiv.groups import O2, SO2, Trivial
from partial_equiv.penalties import kernel_l2
from partial_equiv.sampling import Sampling
from tests import shipped

KERNEL = partial(Siren, hidden_channels=8)


def settings(group: object = None, n: int = 4, **sampling: object) -> dict[str, Callable]:
    return {"kernel": KERNEL, "sampling": partial(Sampling, group or SO2(), n, **sampling)}


def images(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize(("size", "taps"), [(1, 1), (2, 0), (3, 5), (4, 4), (5, 13), (7, 29)])
def test_the_stencil_is_a_disc(size: int, taps: int) -> None:
    stencil = Stencil(size)
    assert stencil.num_taps == taps
    assert torch.all(stencil.positions.norm(dim=-1) <= 1 + 1e-6)
    mask = stencil.spread(torch.ones(taps, 1)).view(size, size)
    assert mask.sum() == taps
    for turned in (mask.rot90(), mask.flip(0), mask.T):
        assert torch.equal(mask, turned)


def test_a_group_convolution_is_its_formula() -> None:
    """The sum over taps and elements, written out, against the one conv2d."""
    torch.manual_seed(0)
    conv = GroupConv(2, 3, **settings(O2(), 4), kernel_size=3).double()
    group, conv.bias.data = O2(), images(3)
    inputs = group.uniform(5, dtype=torch.float64)[None]
    weights = torch.tensor([[1.0, 0.0, 2.0, 1.0, 0.5]]).double()
    x = images(2, 2, 5, 6, 7)
    out = conv(GroupFeature(x, inputs, weights))
    padded = functional.pad(x, (1, 1, 1, 1))
    for g, h in enumerate(out.elements[0]):
        inverse = group.inverse(h)
        expected = conv.bias[None, :, None, None].expand(2, 3, 6, 7).clone()
        for i, other in enumerate(inputs[0]):
            relative = group.coordinates(group.product(inverse, other))
            for tap in conv.stencil.positions:
                coordinates = torch.cat([group.matrix(inverse) @ tap, relative])
                column, row = (1 + tap).round().long()
                window = padded[:, :, i, row : row + 6, column : column + 7]
                share = weights[0, i] / weights.sum()
                expected += share * torch.einsum("oc,bchw->bohw", conv.kernel(coordinates), window)
        torch.testing.assert_close(out.x[:, :, g], expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("mode", ["zeros", "circular"])
def test_kernels_per_batch_element_are_as_many_convolutions(mode: str) -> None:
    x, weight, bias = images(3, 2, 4, 6, 6), images(3, 2, 5, 2, 4, 3, 3), images(5)
    together = convolve(x, weight, bias, Windows(3, padding=1), mode)
    for i in range(3):
        alone = convolve(x[i : i + 1], weight[i : i + 1], bias, Windows(3, padding=1), mode)
        torch.testing.assert_close(together[i : i + 1], alone)


def test_circular_padding_commutes_with_every_shift() -> None:
    conv = LiftingConv(1, 2, **settings(), kernel_size=5, padding_mode="circular").double()
    x = images(1, 1, 6, 8)
    shifted = conv(x.roll((2, 3), (-2, -1))).x
    torch.testing.assert_close(shifted, conv(x).x.roll((2, 3), (-2, -1)))


@pytest.mark.parametrize(("padding", "size"), [("same", 9), ("valid", 5), (1, 7)])
def test_padding_sets_the_size(padding: str | int, size: int) -> None:
    conv = LiftingConv(1, 2, **settings(), kernel_size=5, padding=padding)
    assert conv(torch.zeros(1, 1, 9, 9)).x.shape == (1, 2, 4, size, size)


def test_a_kernel_larger_than_the_image_is_refused() -> None:
    conv = LiftingConv(1, 2, **settings(), kernel_size=5, padding="valid")
    with pytest.raises(ValueError, match="kernel_size=5: only 4 x 6 pixels"):
        conv(torch.zeros(1, 1, 4, 6))


def test_same_padding_needs_an_odd_kernel() -> None:
    with pytest.raises(ValueError, match="kernel_size=4"):
        LiftingConv(1, 2, **settings(), kernel_size=4)


def test_pre_activations_do_not_depend_on_the_number_of_samples() -> None:
    """At one output element, averaged over all shifts of the input's grid: n grids of 32/n shifts
    are the same 32 elements, so any n gives the same mean. A bare sum would grow with n."""
    torch.manual_seed(0)
    lifting, conv = LiftingConv(1, 3, **settings()).double(), GroupConv(3, 2, **settings()).double()
    x, identity = images(1, 1, 7, 7), torch.zeros(1, 1, 1).double()
    means, same = [], Windows(3, padding=1)
    for n in (1, 2, 8, 32):
        shifts = (2 * torch.arange(32 // n, dtype=torch.float64) + 1) / (32 // n) - 1
        total = torch.zeros(())
        for shift in shifts:
            elements = SO2().subset(n, torch.ones(1).double(), shift[None])
            weight = lifting.kernel_weights(GroupFeature(x[:, :, None], identity), elements)
            lifted = GroupFeature(convolve(x[:, :, None], weight, None, same, "zeros"), elements)
            weight = conv.kernel_weights(lifted, identity)
            total = total + convolve(lifted.x, weight, None, same, "zeros") / len(shifts)
        means.append(total)
    assert means[0].abs().max() > 0.1
    for other in means[1:]:
        torch.testing.assert_close(other, means[0], rtol=1e-6, atol=1e-7)


def weighted(drop: bool) -> GroupFeature:
    """A feature with two dropped elements, or with the same elements removed."""
    x, elements = images(3, 4, 6, 5, 5), SO2().grid(6, torch.float64)[None]
    weights = torch.tensor([[1.0, 0.0, 1.0, 1.0, 0.0, 1.0]]).double()
    kept = weights[0] > 0
    if drop:
        return GroupFeature(x[:, :, kept], elements[:, kept])
    return GroupFeature(x, elements, weights)


@pytest.mark.parametrize("over", ["batch", "instance", "layer"])
@pytest.mark.parametrize("draws", [1, 3])
def test_the_gradient_of_a_weighted_norm(over: str, draws: int) -> None:
    x, weights = images(3, 2, 4, 3, 3), images(draws, 4, seed=1).abs() + 0.1
    norm = Norm(2, over).double()

    def normalise(x: Tensor, weights: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        state = {"weight": scale, "bias": shift}
        feature = GroupFeature(x, torch.zeros(draws, 4, 1), weights)
        return functional_call(norm, state, (feature,)).x

    values = [x, weights, norm.weight.detach() * 1.5, norm.bias.detach() + 0.5]
    assert torch.autograd.gradcheck(normalise, [v.clone().requires_grad_() for v in values])


@pytest.mark.parametrize("over", ["batch", "instance", "layer"])
def test_norm_statistics_ignore_dropped_elements(over: str) -> None:
    norms = [Norm(4, over).double() for _ in range(2)]
    for norm in norms:
        norm.weight.data = torch.tensor([1.0, 2.0, 0.5, -1.0]).double()
        norm.bias.data = torch.tensor([0.0, 1.0, -1.0, 0.5]).double()
    with_weights, removed = (
        n(weighted(drop)).x for n, drop in zip(norms, (False, True), strict=True)
    )
    kept = with_weights[:, :, [0, 2, 3, 5]]
    torch.testing.assert_close(kept, removed, rtol=1e-10, atol=1e-10)
    if over == "batch":
        torch.testing.assert_close(norms[0].running_mean, norms[1].running_mean)
        # torch's fused statistics divide by n - 1, ours by the sum of the weights
        torch.testing.assert_close(norms[0].running_var, norms[1].running_var, rtol=1e-2, atol=0)


def test_pools_and_convolutions_ignore_dropped_elements() -> None:
    conv = GroupConv(4, 2, **settings()).double()
    for layer in (GroupPool("mean"), GroupPool("max"), lambda feature: conv(feature).x):
        torch.testing.assert_close(layer(weighted(False)), layer(weighted(True)))


def test_the_maximum_over_the_group_teaches_the_keep_probability() -> None:
    feature = weighted(False)
    weights = feature.weights.clone().requires_grad_()
    GroupFeature(feature.x, feature.elements, weights).group_max().sum().backward()
    assert torch.all(weights.grad[0, [0, 2, 3, 5]] > 0)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_batch_norm_is_torch_s(momentum: float | None) -> None:
    ours, theirs = Norm(4, momentum=momentum), nn.BatchNorm3d(4, momentum=momentum)
    for seed in range(3):
        x = 2 * images(5, 4, 6, 5, 5, seed=seed).float() + 1
        given = GroupFeature(x, torch.zeros(1, 6, 1))
        torch.testing.assert_close(ours(given).x, theirs(x))
    ours.eval(), theirs.eval()
    torch.testing.assert_close(ours(given).x, theirs(x))
    ours.reset_running_stats()
    assert ours.running_mean.abs().sum() == 0


def test_a_norm_without_scale_and_shift_learns_nothing() -> None:
    plain = Norm(4, "instance", affine=False)
    given = GroupFeature(3 * torch.randn(2, 4, 6, 5, 5) + 1, torch.zeros(1, 6, 1))
    torch.testing.assert_close(plain(given).x, Norm(4, "instance")(given).x)
    assert not list(plain.parameters())
    assert not plain.state_dict()


@pytest.mark.parametrize("size", [7, 8])
def test_blur_is_exact_on_every_size_and_keeps_constants(size: int) -> None:
    pool = SpatialPool("blur")
    assert pool.windows(size).remainder(size) == 0
    x = images(1, 1, 1, size, size)
    pooled = pool(GroupFeature(x, torch.zeros(1, 1, 1))).x
    turned = pool(GroupFeature(x.rot90(1, (-2, -1)), torch.zeros(1, 1, 1))).x
    torch.testing.assert_close(turned, pooled.rot90(1, (-2, -1)))
    ones = pool(GroupFeature(torch.ones_like(x), torch.zeros(1, 1, 1))).x
    torch.testing.assert_close(ones[..., 1:-1, 1:-1], torch.ones_like(ones[..., 1:-1, 1:-1]))


@pytest.mark.parametrize("mode", ["max", "mean"])
@pytest.mark.parametrize(("size", "kernel", "stride"), [(7, 2, 2), (8, 2, 2), (9, 3, 2), (8, 3, 2)])
def test_pools_commute_exactly_where_they_say_so(
    mode: str, size: int, kernel: int, stride: int
) -> None:
    pool = SpatialPool(mode, kernel, stride)
    x, element = images(3, 2, 1, size, size), torch.zeros(1, 1, 1)
    turned = pool(GroupFeature(x.rot90(1, (-2, -1)), element)).x
    same = torch.allclose(turned, pool(GroupFeature(x, element)).x.rot90(1, (-2, -1)))
    assert same == (pool.windows(size).remainder(size) == 0)


def test_pointwise_convolution_computes_the_elements_it_is_told() -> None:
    shortcut, conv = PointwiseConv(4, 2, **settings()), GroupConv(4, 2, **settings(O2(), 6))
    given = GroupFeature(torch.randn(2, 4, 3, 5, 5), torch.randn(1, 3, 1))
    branch = GroupFeature(torch.randn(2, 2, 6, 5, 5), torch.randn(1, 6, 1))
    out = shortcut(given, like=branch)
    assert out.elements is branch.elements
    assert out.x.shape == (2, 2, 6, 5, 5)
    assert shortcut(given).x.shape == (2, 2, 4, 5, 5)
    assert conv.kernel.in_coordinates == 5
    assert shortcut.kernel.in_coordinates == 2


def test_the_trivial_group_is_an_ordinary_convolution() -> None:
    conv = GroupConv(3, 4, **settings(Trivial(), 1)).double()
    x, element = images(2, 3, 1, 6, 6), torch.zeros(1, 1, 0).double()
    weight = conv.stencil.spread(conv.kernel(conv.stencil.positions).flatten(1))
    weight = weight.T.reshape(4, 3, 3, 3)
    expected = functional.conv2d(x[:, :, 0], weight, conv.bias, padding=1)
    torch.testing.assert_close(conv(GroupFeature(x, element)).x[:, :, 0], expected)
    assert PointwiseConv(3, 4, **settings(Trivial(), 1))(
        GroupFeature(torch.zeros(1, 3, 1, 2, 2), torch.zeros(1, 1, 0))
    ).x.shape == (1, 4, 1, 2, 2)


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
    conv = GroupConv(1, 1, **settings()).eval()
    x = torch.randn(1, 1, 2, 5, 5)
    one, other = (GroupFeature(x, torch.tensor([[[0.0], [angle]]])) for angle in (1.0, 2.0))
    with torch.no_grad(), frozen_kernels(conv):
        conv(one)
        frozen = conv(other).x
    assert torch.equal(frozen, conv(other).x)


def test_kernels_are_made_in_full_precision_under_autocast() -> None:
    torch.manual_seed(0)
    conv = GroupConv(1, 1, **settings()).eval()
    feature = GroupFeature(torch.randn(1, 1, 4, 5, 5), SO2().grid(4)[None])
    expected = conv.kernel_weights(feature, feature.elements)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(conv.kernel_weights(feature, feature.elements), expected)
        assert conv(feature).x.dtype == torch.bfloat16


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
@pytest.mark.parametrize("separable", [False, True])
def test_every_order_of_the_sum_is_the_same_function(
    base_group: str, kernel: str, size: int, separable: bool
) -> None:
    torch.manual_seed(0)
    lifting, conv = shipped.layers(base_group, kernel=kernel, separable=separable)
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


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("base_group", ["SE2", "E2"])
def test_every_image_can_have_kernels_of_its_own(base_group: str, separable: bool) -> None:
    torch.manual_seed(0)
    sampling = shipped.sampling(base_group, num_samples=4, sampling="random", scope="element")
    factories = shipped.layers(base_group, sampling=sampling, partial=True, separable=separable)
    lifting, conv = factories[0](2, 3).double(), factories[1](3, 2).double()
    lifted = lifting(images(2, 2, 6, 6))
    answer = conv(lifted)
    assert len(answer.elements) == 2
    torch.testing.assert_close(
        answer.x, summed(conv, lifted, answer.elements), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("scope", ["layer", "element"])
def test_the_layout_of_the_maps_changes_nothing(separable: bool, scope: str) -> None:
    answers = []
    for channels_last in (False, True):
        torch.manual_seed(0)
        given = {"separable": separable, "channels_last": channels_last, "partial": True}
        sampled = settings(O2(), 8, sampling="random", scope=scope)
        lifting = LiftingConv(2, 3, **sampled, **given).double()
        conv, norm = GroupConv(3, 4, **sampled, **given).double(), Norm(4).double()
        x = images(2, 2, 6, 6).requires_grad_()
        y = SpatialPool()(norm(conv(lifting(x)))).x
        sources = [x, conv.sampling.keep_logits, conv.bias, *conv.kernel.parameters()]
        gradients = torch.autograd.grad((y * images(*y.shape, seed=1)).sum(), sources)
        answers.append([y, *gradients])
    for one, other in zip(*answers, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_kernel_penalty_is_the_norm_of_the_generated_kernels() -> None:
    conv = GroupConv(2, 3, **settings(n=4))
    feature = GroupFeature(torch.zeros(1, 2, 4, 3, 3), SO2().grid(4)[None])
    weight = conv.kernel_weights(feature, torch.zeros(1, 1, 1)) * 4
    torch.testing.assert_close(kernel_l2(conv), weight.square().sum() / 4)
