"""Norms and pools: what they compute, and that dropped elements do not count."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from partial_equiv.gconv import GroupConv, GroupFeature, GroupPool, Norm, SpatialPool
from partial_equiv.groups import SO2
from tests import shipped
from tests.blobs import images
from tests.shipped import siren_on


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
        torch.testing.assert_close(norms[0].running_var, norms[1].running_var)  # both unbiased


def test_pools_and_convolutions_ignore_dropped_elements() -> None:
    conv = GroupConv(4, 2, **siren_on()).double()
    for layer in (GroupPool("mean"), GroupPool("max"), lambda feature: conv(feature).x):
        torch.testing.assert_close(layer(weighted(False)), layer(weighted(True)))


def test_the_maximum_over_the_group_teaches_each_weight_its_own_difference() -> None:
    """What a kept element adds to the maximum, and what a dropped one would."""
    feature = weighted(False)
    weights = feature.weights.clone().requires_grad_()
    GroupFeature(feature.x, feature.elements, weights).group_max().sum().backward()

    def total(element: int, weight: float) -> Tensor:
        changed = feature.weights.clone()
        changed[0, element] = weight
        return GroupFeature(feature.x, feature.elements, changed).group_max().sum()

    differences = torch.stack([total(i, 1) - total(i, 0) for i in range(6)])
    torch.testing.assert_close(weights.grad[0], differences)
    assert torch.all(differences > 0)


SUBSETS = [name for name in shipped.names("base_group") if shipped.group(name).optional_parts]
POOLS = {
    "mean": [GroupPool("mean")],
    "max": [GroupPool("max")],
    "space": [SpatialPool("max", 3, 2), GroupPool("max")],
    "blur": [SpatialPool("blur"), GroupPool("mean")],
}


@pytest.mark.parametrize("base_group", SUBSETS)
@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("norm", ["none", "batch", "instance", "layer"])
@pytest.mark.parametrize("kept", ["identity alone", "some", "by image"])
def test_dropped_elements_get_no_gradient_and_kept_ones_the_true_one(
    base_group: str, pool: str, norm: str, kept: str
) -> None:
    elements = shipped.group(base_group).grid(shipped.grid_size(base_group), torch.float64)[None]
    num = elements.shape[1]
    weights = torch.zeros(3 if kept == "by image" else 1, num).double()
    weights[:, 0] = 1
    if kept != "identity alone":
        weights += (images(*weights.shape, seed=1) > 0).double()
        weights.clamp_(max=1)
    layers = nn.Sequential(*POOLS[pool]) if norm == "none" else nn.Sequential(
        Norm(2, norm), *POOLS[pool]
    ).double()  # fmt: skip
    x = images(3, 2, num, 5, 5).requires_grad_()
    far = torch.where(weights[:, None, :, None, None] > 0, x, x - 9)  # the lowest is kept too

    def loss(x: Tensor) -> Tensor:
        out = layers(GroupFeature(x, elements, weights))
        return (out * images(*out.shape, seed=2)).sum()

    for at in (x, far):
        (slope,) = torch.autograd.grad(loss(at), at)
        dropped = (weights == 0)[:, None, :, None, None].expand_as(x)
        assert not slope[dropped].any()
        for seed in (3, 4):
            step = 1e-6 * images(*x.shape, seed=seed)
            numeric = (loss(at + step) - loss(at - step)).item() / 2
            assert (slope * step).sum().item() == pytest.approx(numeric, rel=1e-6, abs=1e-13)


def test_a_norm_reads_plain_maps_too() -> None:
    ours, theirs, x = Norm(3), nn.BatchNorm2d(3), images(4, 3, 5, 5).float()
    torch.testing.assert_close(ours(x), theirs(x))
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    with pytest.raises(ValueError, match="num_channels=3: this norm was given 4 channels"):
        ours(torch.zeros(2, 4, 5, 5))


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
