"""The relative defect ‖W - PW‖ / ‖W‖, against the projection by hand and what is known of it."""

from functools import partial
from math import sqrt

import pytest
import torch
from torch import Tensor, nn

from partial_equiv.ck import GridKernel, Reading, Siren
from partial_equiv.equivariance import defects, relative_defect
from partial_equiv.gconv import (
    AveragedConv,
    Convolution,
    GroupConv,
    GroupFeature,
    GroupPool,
    LiftingConv,
)
from partial_equiv.groups import O2, SO2, Cyclic, Dihedral, Finite, Group, Mirror
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations import Choice, InputSubset, Layer, LearnedSubset, Relaxation
from partial_equiv.sampling import Sampling
from tests import shipped
from tests.blobs import images

FINITE = [Cyclic(4), Dihedral(4), Mirror()]
GROUPS = [*FINITE, Cyclic(6), Dihedral(3), SO2(), O2()]
KERNELS = [GridKernel, partial(Siren, hidden_channels=8)]
SIREN = partial(Siren, hidden_channels=8)


class Free(Relaxation):
    """(1 - share)·W + share·V with free weights V, as the layer uses them."""

    def __init__(self, layer: Layer, share: float = 1.0, keep: int | None = None) -> None:
        super().__init__()
        self.share, self.keep, self.n = share, keep, layer.num_samples

    def relax(self, weight: Tensor, reading: Reading) -> Tensor:
        free = torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
        return (1 - self.share) * weight + self.share * free.to(weight)

    def choose(self, *_: object) -> Choice:
        if self.keep is None:
            return Choice()
        return Choice(weights=(torch.arange(self.n) < self.keep).double()[None])


class Absolute(Relaxation):
    """W + V(q, r, h), with a second kernel V that also reads the absolute element h."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.group = layer.group
        size = layer.coordinates.shape[-1] + layer.group.coordinate_size
        self.kernel = layer.kernel(size, layer.out_channels, layer.in_channels)

    def relax(self, weight: Tensor, reading: Reading) -> Tensor:
        own = self.group.coordinates(reading.elements)[:, :, None, None]
        own = own.expand(*reading.coordinates.shape[:-1], -1)
        return weight + reading.weight(self.kernel, torch.cat([reading.coordinates, own], -1))


class Ring(Relaxation):
    """W + a·b at the pixels of a 3 x 3 window, with the same b at every element."""

    at_pixels = True

    def __init__(self, layer: Layer, taps: Tensor, amount: float) -> None:
        super().__init__()
        self.added = amount * taps

    def relax(self, weight: Tensor, reading: Reading) -> Tensor:
        return weight + self.added.to(weight)


def layer_of(
    kind: type[Convolution], group: Group, relaxation: object, **given: object
) -> Convolution:
    """A layer from 2 to 3 channels in float64, partial if there is a relaxation."""
    torch.manual_seed(0)
    given = {"kernel": SIREN, "padding": "same", **given}
    sampling = partial(Sampling, group, group.size or 8)
    if relaxation is not None:
        given |= {"partial": True, "relaxation": relaxation}
    return kind(2, 3, sampling=sampling, **given).double().eval()


def weight_in_use(layer: Convolution) -> Tensor:
    """[n, C_out, C_in, n', k, k]; n' is 1 for a lifting convolution."""
    whole = layer.whole_group()
    inputs = whole if layer.relative else whole[:, :1] * 0
    with torch.no_grad():
        return layer.kernel_weights(GroupFeature(torch.zeros(1, 2, 1, 1, 1), inputs), whole)[0]


def projected(weight: Tensor, group: Finite, *, output: bool = True) -> Tensor:
    """The mean over g of W(g⁻¹h, g⁻¹h', g⁻¹p), pixel by pixel; `output` moves h as well."""
    size, products = weight.shape[-1], group.cayley_table().tolist()
    moved = []
    for g, matrix in enumerate(group.matrix(group.elements(torch.float64))):
        new = torch.zeros_like(weight)
        for row in range(size):
            for column in range(size):
                position = torch.tensor([column, row]).double() - (size - 1) / 2
                x, y = (matrix @ position + (size - 1) / 2).round().long().tolist()
                new[..., y, x] = weight[..., row, column]  # p = g·(g⁻¹p)
        place = torch.tensor(products[g])  # of g·h
        if output:
            new[place] = new.clone()
        if weight.shape[3] > 1:
            new[:, :, :, place] = new.clone()
        moved.append(new)
    return torch.stack(moved).mean(0)


def by_hand(weight: Tensor, group: Finite, *, output: bool = True) -> float:
    """‖W - PW‖ / ‖W‖."""
    rest = weight - projected(weight, group, output=output)
    return (rest.norm() / weight.norm()).item()


@pytest.mark.parametrize("kernel", KERNELS, ids=["grid", "siren"])
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: type(group).__name__)
@pytest.mark.parametrize("kind", [LiftingConv, GroupConv])
def test_a_strict_layer_has_none(kind: type[Convolution], group: Group, kernel: object) -> None:
    if kernel is GridKernel and not group.permutes_pixels:
        return
    layers = [layer_of(kind, group, None, kernel=kernel)]
    if kernel is not GridKernel:
        layers.append(layer_of(kind, group, None, kernel=kernel, rank=2))
    for layer in layers:
        assert relative_defect(layer) < 1e-12


@pytest.mark.parametrize("kernel", KERNELS, ids=["grid", "siren"])
@pytest.mark.parametrize("group", FINITE, ids=lambda group: type(group).__name__)
@pytest.mark.parametrize("kind", [LiftingConv, GroupConv])
def test_it_is_that_of_the_projection_by_hand(
    kind: type[Convolution], group: Finite, kernel: object
) -> None:
    """Free weights, weights between free and strict, and one element alone (a delta)."""
    found = []
    for share in (0.0, 0.3, 1.0):
        layer = layer_of(kind, group, partial(Free, share=share), kernel=kernel)
        found.append(relative_defect(layer))
        assert found[-1] == pytest.approx(by_hand(weight_in_use(layer), group), abs=1e-10)
    assert found[0] < 1e-10 < found[1] < found[2] < 1
    layer = layer_of(kind, group, partial(Free, keep=1), kernel=kernel)
    alone = weight_in_use(layer)
    alone[1:] = 0
    assert relative_defect(layer) == pytest.approx(by_hand(alone, group), abs=1e-12)
    delta = layer_of(kind, group, partial(Free, share=0.0, keep=1), kernel=kernel)
    assert relative_defect(delta) == pytest.approx(sqrt(1 - 1 / group.size), abs=1e-12)


@pytest.mark.parametrize("group", FINITE, ids=lambda group: type(group).__name__)
def test_an_averaged_layer_has_that_of_its_one_kernel(group: Finite) -> None:
    """All elements: none. The identity alone: that of ψ itself, which the group only turns."""
    strict = layer_of(AveragedConv, group, None, kernel=GridKernel)
    assert relative_defect(strict) < 1e-12
    layer = layer_of(AveragedConv, group, LearnedSubset, kernel=GridKernel)
    layer.relaxation.keep_logits.data.fill_(-1)
    kernel = layer.kernel.weight.detach()[None]  # [1, C_out, C_in, 1, k, k]
    assert relative_defect(layer) == pytest.approx(by_hand(kernel, group, output=False), abs=1e-12)


@pytest.mark.parametrize("group", [SO2(), O2(), Cyclic(6)], ids=lambda group: type(group).__name__)
def test_of_a_continuous_kernel_it_needs_no_interpolation(group: Group) -> None:
    """The kernels are read by hand at W(h; q, r), with r in the order of D_4 or C_n."""
    layer = layer_of(GroupConv, group, Absolute, kernel_size=5)
    whole, n = layer.whole_group()[0], layer.sampling.num_samples
    relative = group.product(group.inverse(whole[:1]), whole)  # r = h_0⁻¹h_k
    q = layer.stencil.positions[:, None].expand(-1, n, -1)
    r = group.coordinates(relative)[None].expand(len(q), -1, -1)
    weights = []
    for h in group.coordinates(whole):
        read = torch.cat([q, r], -1)
        absolute = torch.cat([read, h.expand(*read.shape[:-1], -1)], -1)
        weights.append(layer.kernel(read) + layer.relaxation.kernel(absolute))
    weight = torch.stack(weights)
    expected = ((weight - weight.mean(0)).norm() / weight.norm()).item()
    assert 0.1 < expected < 1
    assert relative_defect(layer) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("kind", [LiftingConv, GroupConv])
def test_what_stands_at_pixels_is_turned_with_them(kind: type[Convolution]) -> None:
    """The same taps at all elements are equivariant iff a turn leaves them as they are."""
    centre, side = torch.zeros(3, 3), torch.zeros(3, 3)
    centre[1, 1], side[1, 2] = 1.0, 1.0
    for group in (SO2(), O2(), Cyclic(4)):
        found = [
            relative_defect(layer_of(kind, group, partial(Ring, taps=taps, amount=amount)))
            for taps, amount in ((centre, 1.0), (side, 1e-3), (side, 1.0), (side, 1e4))
        ]
        assert found[0] < 1e-10 < found[1] < found[2] < found[3]
    assert found[3] == pytest.approx(sqrt(3 / 4), abs=1e-3), "one pixel of four on C4"


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0, 0.0])
def test_a_learned_subset_has_the_root_of_what_it_drops(share: float) -> None:
    """A share p of SO(2); half of it without the mirrors; two of the eight elements of D4."""
    rotations = layer_of(GroupConv, SO2(), LearnedSubset)
    rotations.relaxation.range.data.fill_(share)
    assert relative_defect(rotations) == pytest.approx(sqrt(1 - share), abs=1e-12)
    mirrors = layer_of(LiftingConv, O2(), LearnedSubset)
    mirrors.relaxation.range.data.fill_(share)
    mirrors.relaxation.keep_logits.data.fill_(-1)
    assert relative_defect(mirrors) == pytest.approx(sqrt(1 - share / 2), abs=1e-12)
    elements = layer_of(GroupConv, Dihedral(4), LearnedSubset, separable=True)
    elements.relaxation.keep_logits.data[1:] = -1
    assert relative_defect(elements) == pytest.approx(sqrt(1 - 2 / 8), abs=1e-12)


def test_a_subset_by_image_is_a_root_mean_square_over_the_images() -> None:
    layer = layer_of(LiftingConv, SO2(), InputSubset)
    last = layer.relaxation.encoder[-1]
    torch.nn.init.normal_(last.weight, std=0.5)
    torch.nn.init.constant_(last.bias, 0.6)
    model = nn.Sequential(layer, GroupPool())
    x = images(5, 2, 6, 6) + torch.linspace(-1, 1, 5).double().view(-1, 1, 1, 1)
    with torch.no_grad():
        extents = layer.relaxation.encoder(x[:, :, None]).clamp(0.01, 1)[:, 0]
    assert extents.std() > 0.02
    found = defects(model.train(), x)
    assert found["defect/0"] == pytest.approx(sqrt(1 - extents.mean().item()), abs=1e-10)
    assert model.training
    assert not layer.relaxation._forward_hooks, "it is left as it was"
    with pytest.raises(Refusal, match="give some"):
        defects(model)


@pytest.mark.parametrize("base_group", shipped.names("base_group"))
@pytest.mark.parametrize("name", shipped.names("relaxation"))
def test_every_shipped_relaxation_has_one(name: str, base_group: str) -> None:
    """Between 0 and 1, the same each time, and of the net the root mean square of its layers'."""
    torch.manual_seed(0)
    relaxation = shipped.option("relaxation", name)
    try:
        lifting, conv = shipped.layers(base_group, partial=True, relaxation=relaxation)
        model = nn.Sequential(lifting(1, 4), conv(4, 3), GroupPool()).double()
    except Refusal:
        return
    x, state = images(3, 1, 6, 6), torch.get_rng_state()
    found = defects(model, x)
    assert found.keys() == {"defect", "defect/0", "defect/1"}
    assert all(0 <= value <= 1 + 1e-12 for value in found.values())
    expected = sqrt((found["defect/0"] ** 2 + found["defect/1"] ** 2) / 2)
    assert found["defect"] == pytest.approx(expected, abs=1e-12)
    assert defects(model.eval(), x) == found
    assert torch.equal(torch.get_rng_state(), state), "nothing is drawn"


def test_of_a_strict_net_it_is_zero_and_of_an_ordinary_one_there_is_none() -> None:
    strict = layer_of(LiftingConv, SO2(), None)
    assert defects(nn.Sequential(strict)) == {"defect": 0.0}
    assert defects(nn.Conv2d(1, 1, 3)) == {}
    assert defects(nn.Sequential(layer_of(LiftingConv, Cyclic(1), None))) == {}
