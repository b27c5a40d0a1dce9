"""The averaged convolution: the parity block and its kin, exact at every size and stride."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from partial_equiv.ck import GridKernel, Siren
from partial_equiv.equivariance import act_on_images, equivariance_error, inexact_layers
from partial_equiv.equivariance import actions as actions_of
from partial_equiv.gconv import AveragedConv, GroupPool, LiftingConv, frozen_kernels
from partial_equiv.groups import O2, SO2, Cyclic, Dihedral, Finite, Group, Mirror, Trivial
from partial_equiv.relaxations import InputSubset
from partial_equiv.sampling import Sampling
from tests.tolerances import BROKEN, EXACT

GROUPS = [Mirror(), Cyclic(4), Dihedral(4)]
by_name = pytest.mark.parametrize("group", GROUPS, ids=lambda g: f"{type(g).__name__}-{g.size}")
TOLERANCE = EXACT[torch.float64]


def layer(group: Group, **changes: object) -> AveragedConv:
    torch.manual_seed(0)
    sampling = partial(Sampling, group, None if group.size else 4)
    conv = AveragedConv(2, 3, **{"kernel": GridKernel, "sampling": sampling, **changes}).double()
    conv.bias.data.normal_()
    return conv


def images(*size: int, seed: int = 0) -> Tensor:
    return torch.randn(2, 2, *size, generator=torch.Generator().manual_seed(seed)).double()


def distance(one: Tensor, other: Tensor) -> float:
    return (one - other).abs().max().item()


@settings(max_examples=60)
@given(
    size=st.tuples(st.integers(7, 12), st.integers(7, 12)),
    kernel_size=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    circular=st.booleans(),
)
def test_the_parity_block_is_its_formula_and_the_stride_rule_its_fast_path(
    size: tuple[int, int],
    kernel_size: int,
    stride: int,
    padding: int,
    dilation: int,
    circular: bool,
) -> None:
    """½[conv(x) + M conv(M x)]: always exact; with one symmetrised kernel iff the rule holds."""
    where = {"stride": stride, "padding": padding, "dilation": dilation}
    mode = {"padding_mode": "circular" if circular else "zeros"}
    block = layer(Mirror(), kernel_size=kernel_size, **where, **mode)
    weight, bias, x = block.kernel.weight[:, :, 0], block.bias, images(*size)

    def conv(x: Tensor, weight: Tensor) -> Tensor:
        wrapped = functional.pad(x, (padding,) * 4, mode="circular") if circular else x
        beside = {**where, "padding": 0} if circular else where
        return functional.conv2d(wrapped, weight, bias, **beside)

    found = block(x).x[:, :, 0]
    assert distance(found, (conv(x, weight) + conv(x.flip(-1), weight).flip(-1)) / 2) < TOLERANCE
    assert distance(block(x.flip(-1)).x[:, :, 0], found.flip(-1)) < TOLERANCE
    symmetrised = conv(x, (weight + weight.flip(-1)) / 2)
    rest = (size[1] + 2 * padding - dilation * (kernel_size - 1) - 1) % stride
    assert rest == block.windows(size[1]).remainder(size[1])
    if rest == 0:
        assert distance(found, symmetrised) < TOLERANCE
    else:
        assert distance(found, symmetrised) > BROKEN * TOLERANCE


@by_name
@pytest.mark.parametrize("size", [(8, 8), (9, 9), (8, 11)])
def test_it_commutes_with_the_whole_group_at_every_size(
    group: Finite, size: tuple[int, int]
) -> None:
    block, x = layer(group, stride=2), images(*size)
    for element in group.elements(torch.float64):
        matrix = group.matrix(element)
        moved = act_on_images(matrix, block(x).x)
        assert distance(block(act_on_images(matrix, x)).x, moved) < TOLERANCE
    if size[0] == size[1]:
        report = equivariance_error(block, actions_of(group), x)
        assert report.first_break is None, str(report)
        assert inexact_layers(block, 2, size) == []


@by_name
@pytest.mark.parametrize("kernel", [GridKernel, partial(Siren, hidden_channels=4)])
def test_where_the_rule_holds_it_is_the_lifting_integrated_over_the_group(
    group: Finite, kernel: object
) -> None:
    block = layer(group, kernel=kernel, stride=2)
    lifting = LiftingConv(2, 3, kernel=kernel, sampling=partial(Sampling, group), stride=2).double()
    lifting.load_state_dict(block.state_dict())
    for size, equal in ((9, True), (8, False)):
        error = distance(
            block(images(size, size)).x[:, :, 0], GroupPool()(lifting(images(size, size)))
        )
        assert error < TOLERANCE if equal else error > BROKEN * TOLERANCE


@pytest.mark.parametrize("size", [8, 9])
def test_a_learned_average_lies_between_the_convolution_and_the_block(size: int) -> None:
    plain = layer(Trivial(), stride=2).eval()
    whole = layer(Mirror(), stride=2).eval()
    block = layer(Mirror(), stride=2, partial=True).eval()
    assert torch.equal(plain.kernel.weight, block.kernel.weight)
    x = images(size, size)
    for logit, same in ((-1.0, plain), (1.0, whole)):
        block.relaxation.keep_logits.data.fill_(logit)
        assert distance(block(x).x, same(x).x) < TOLERANCE
    block.train()(x).x.square().sum().backward()
    assert torch.all(block.relaxation.keep_logits.grad.abs() > 0)


@pytest.mark.parametrize("size", [8, 9])
def test_every_image_may_draw_and_choose_its_own_average(size: int) -> None:
    x = torch.cat([images(size, size, seed=seed) for seed in range(6)])
    plain, whole = (layer(group, stride=2)(x).x for group in (Trivial(), Mirror()))
    own = partial(Sampling, Mirror(), scope="element")
    block = layer(Mirror(), sampling=own, stride=2, partial=True)
    answer = block(x, torch.Generator().manual_seed(0)).x
    kept = [distance(*pair) < TOLERANCE for pair in zip(answer, whole, strict=True)]
    dropped = [distance(*pair) < TOLERANCE for pair in zip(answer, plain, strict=True)]
    assert [not each for each in kept] == dropped
    assert any(kept)
    assert any(dropped)
    chosen = layer(Mirror(), partial=True, relaxation=InputSubset)
    assert chosen.eval()(x).x.shape == (12, 3, 1, size, size)


def test_a_frozen_kernel_serves_every_size() -> None:
    block = layer(Mirror(), stride=2).eval()
    expected = [block(images(size, size)).x for size in (8, 9)]
    with torch.no_grad(), frozen_kernels(block) as kernels:
        for size, each in zip((8, 9, 8), (*expected, expected[0]), strict=True):
            assert distance(block(images(size, size)).x, each) < TOLERANCE
    assert list(kernels) == [block]


@pytest.mark.parametrize("group", [SO2(), O2(), Cyclic(8)], ids=lambda group: type(group).__name__)
def test_groups_that_move_pixels_off_the_grid_are_refused(group: Group) -> None:
    with pytest.raises(ValueError, match=f"^group={type(group).__name__}: .* whole pixels"):
        layer(group, kernel=Siren)


def test_a_feature_on_a_group_is_refused() -> None:
    mirror = {"kernel": GridKernel, "sampling": partial(Sampling, Mirror())}
    lifted = LiftingConv(2, 2, **mirror).double()(images(6, 6))
    with pytest.raises(ValueError, match="pool over the group"):
        layer(Mirror())(lifted)
