"""Nets of stiffness: predictions move as the tensor does, exactly, for what each net claims."""

import itertools
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from constructors import check, compose, construct_model
from datasets.stiffness import COMPONENTS, PLACES, SHEARED, SWAPPED
from datasets.unit_cells import UnitCells, homogenise
from models.polyphase import StrongestPhase
from models.stiffness import (
    StiffnessHead,
    StiffnessNet,
    as_components,
    as_matrix,
    representation,
)
from partial_equiv.ck import GridKernel
from partial_equiv.equivariance import act_on_images
from partial_equiv.gconv import GroupConv, GroupFeature, LiftingConv
from partial_equiv.groups import Cyclic, Dihedral, Finite, Mirror, Trivial
from partial_equiv.sampling import Sampling
from tasks import Regression
from tests.tolerances import BROKEN, EXACT

D4 = Dihedral(4)
NETS: dict[str, tuple[Finite, tuple[str, ...]]] = {  # what it claims, beside shifts; its words
    "cnn": (Trivial(), ()),
    "flip": (Dihedral(2), ("base_group=dihedral", "base_group.order=2")),
    "c4": (Cyclic(4), ("base_group=p4",)),
    "d4": (D4, ("base_group=dihedral",)),
    "shift": (Trivial(), ("net.shifts=polyphase",)),
    "d4_shift": (D4, ("base_group=dihedral", "net.shifts=polyphase")),
}
DATA = ("dataset=unit_cells", "task=regression")
FLOAT32 = 1e-5  # of predictions, relative to the largest


def shipped(name: str, size: int, *words: str) -> nn.Module:
    """A shipped net of four channels, with the norm statistics of random cells."""
    words = (*NETS[name][1], f"dataset.size={size}", "net.hidden_channels=4", *words)
    return warmed(construct_model(compose(["net=cells", *DATA, *words])), size)


def small(group: Finite, size: int, **settings: object) -> nn.Module:
    torch.manual_seed(0)
    given = {"kernel": GridKernel, "sampling": partial(Sampling, group)}
    layers = partial(LiftingConv, **given), partial(GroupConv, **given)
    settings = {"hidden_channels": 3, "pools": (0, 1, 2), **settings}
    net = StiffnessNet(1, 6, (size, size), *layers, **settings)
    return warmed(net, size)


def warmed(net: nn.Module, size: int) -> nn.Module:
    """The net, evaluating, after it has seen random cells; its answers spread as labels do."""
    generator = torch.Generator().manual_seed(1)
    net(cells(8, size, generator))
    wild = torch.randn(50, 3, 3, generator=generator)
    net.head.standardise(as_components(wild @ wild.mT + 0.1 * torch.eye(3)))
    return net.eval()


def cells(num: int, size: int, generator: torch.Generator | None = None) -> Tensor:
    generator = generator or torch.Generator().manual_seed(0)
    return torch.randint(2, (num, 1, size, size), generator=generator).float() * 2 - 1


@torch.no_grad()
def error(net: nn.Module, matrix: Tensor, x: Tensor) -> float:
    """How far Q(hx) is from ρ(h)Q(x), relative to the largest component of Q."""
    answers, matrix = net(x), matrix.to(x)
    moved = net(act_on_images(matrix, x))
    wrong = moved - answers @ representation(matrix).mT
    return (wrong.abs().max() / answers.abs().max()).item()


@torch.no_grad()
def shift_error(net: nn.Module, x: Tensor, shifts: list[tuple[int, int]]) -> float:
    """How far the answers to shifted copies of one cell [1, 1, H, W] are from each other."""
    copies = torch.cat([x.roll(shift, (-2, -1)) for shift in shifts])
    answers, here = net(copies), net(x)
    return ((answers - here).abs().max() / here.abs().max()).item()


@pytest.mark.parametrize("element", D4.elements().tolist())
def test_the_representation_is_what_homogenisation_does(element: list[float]) -> None:
    """Q(h·cell) = ρ(h)Q(cell), for the same action on images as everywhere, if the task has h."""
    matrix = D4.matrix(torch.tensor(element, dtype=torch.float64))
    cell = cells(1, 6)[0, 0].double()
    for anisotropy in (1.0, 4.0):
        spec = UnitCells(anisotropy=anisotropy).spec
        before, after = (
            as_components(torch.from_numpy(homogenise(phases, (0.1, 1.0), anisotropy=anisotropy)))
            for phases in ((cell > 0).numpy(), (act_on_images(matrix, cell) > 0).numpy())
        )
        symmetry = Regression().symmetry(spec)
        assert symmetry is not None
        moved = symmetry.move(matrix, before[None])[0]
        holds = torch.allclose(moved, after, rtol=1e-9, atol=1e-10)
        assert holds == symmetry.group.contains(matrix)
    assert torch.equal(moved, representation(matrix) @ before)


def test_the_representation_is_one_and_knows_the_order_of_labels() -> None:
    assert [f"Q{i}{j}" for i, j in PLACES] == list(COMPONENTS)
    elements = D4.elements(torch.float64)
    rho = representation(D4.matrix(elements))
    table = D4.cayley_table()
    for i, j in itertools.product(range(8), repeat=2):
        torch.testing.assert_close(rho[i] @ rho[j], rho[table[i, j]])
    q = torch.randn(5, 6)
    torch.testing.assert_close(as_components(as_matrix(q)), q)
    turn = representation(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    assert turn.abs().argmax(1).tolist() == SWAPPED
    mirror = representation(torch.tensor([[-1.0, 0.0], [0.0, 1.0]]))
    assert torch.equal(mirror, torch.diag(torch.tensor(SHEARED)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NETS)
def test_predictions_move_with_the_cell_exactly(name: str, dtype: torch.dtype) -> None:
    net, x = shipped(name, 32).to(dtype), cells(4, 32).to(dtype)
    bound = FLOAT32 if dtype == torch.float32 else EXACT[dtype]
    group, _ = NETS[name]
    for matrix in group.matrix(group.elements(dtype)):
        assert error(net, matrix, x) < bound
    residues = [(i, (7 * i + 3) % 16) for i in range(16)]  # each along both axes
    far = shift_error(net, x[:1], [(i + 16 * (i % 2), j) for i, j in residues])
    assert far < bound if "shift" in name else far > BROKEN * EXACT[torch.float32]


@pytest.mark.parametrize(("name", "broken"), [("cnn", 8), ("flip", 4), ("c4", 4)])
def test_what_a_net_does_not_claim_is_broken(name: str, broken: int) -> None:
    """An element of D4 outside of the net's group moves the prediction otherwise."""
    net, x = shipped(name, 16, "net.pools=[0,1,2]"), cells(4, 16)
    errors = [error(net, matrix, x) for matrix in D4.matrix(D4.elements())]
    assert sum(each > BROKEN * EXACT[torch.float32] for each in errors) == broken - (broken == 8)


@pytest.mark.parametrize("shifts", ["dilation", "polyphase"])
@pytest.mark.parametrize("group", [Trivial(), Mirror(), D4], ids=["T2", "mirror", "D4"])
def test_every_shift_is_exact(group: Finite, shifts: str) -> None:
    net = small(group, 8, shifts=shifts).double()
    x = cells(1, 8).double()
    every = list(itertools.product(range(8), repeat=2))
    assert shift_error(net, x, every) < EXACT[torch.float64]
    for matrix in group.matrix(group.elements(torch.float64)):
        assert error(net, matrix, cells(3, 8).double()) < EXACT[torch.float64]


def test_dilation_is_the_mean_over_the_ways_to_subsample() -> None:
    """On images that agree in all four phases, the two ways to be exact are one."""
    nets = {shifts: small(D4, 8, shifts=shifts, pools=[0]) for shifts in ("dilation", "polyphase")}
    nets["polyphase"].load_state_dict(nets["dilation"].state_dict())
    coarse = cells(3, 4).repeat_interleave(2, -1).repeat_interleave(2, -2)
    lifted = nets["dilation"].lifting(coarse).x
    assert not torch.equal(lifted[..., ::2], lifted[..., 1::2])
    even = torch.ones(3, 1, 8, 8) * torch.tensor([1.0, -1.0, 0.3]).view(3, 1, 1, 1)
    torch.testing.assert_close(nets["dilation"](even), nets["polyphase"](even))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shifts", ["dilation", "polyphase"])
def test_cells_with_symmetries_of_their_own_tie_and_are_exact(
    shifts: str, dtype: torch.dtype
) -> None:
    """A solid cell, a centred hole, a chequerboard, a stripe, and one cell like no other."""
    solid = torch.ones(1, 8, 8)
    hole, board, stripe = solid.clone(), solid.clone(), solid.clone()
    hole[..., 2:5, 2:5] = -1
    board[..., ::2, 1::2] = board[..., 1::2, ::2] = -1
    stripe[..., 1:4] = -1
    x = torch.stack([solid, hole, cells(1, 8)[0], board, stripe]).to(dtype)
    net = small(D4, 8, shifts=shifts).to(dtype)
    bound = FLOAT32 if dtype == torch.float32 else EXACT[dtype]
    for matrix in D4.matrix(D4.elements(dtype)):
        assert error(net, matrix, x) < bound
    assert shift_error(net, x[1:2], list(itertools.product(range(8), repeat=2))) < bound
    alone = torch.cat([net(each[None]) for each in x])
    torch.testing.assert_close(net(x), alone)
    q00, q11, _, _, *normal_to_shear = net(x)[1]  # the hole looks the same from x and y
    torch.testing.assert_close(q00, q11)
    assert all(abs(value) < bound for value in normal_to_shear)


def test_a_cell_without_symmetries_is_followed_in_one_way() -> None:
    feature = small(D4, 8).lifting(cells(20, 8))
    ways, image = StrongestPhase()(feature)
    assert image.tolist() == list(range(20))
    assert ways.x.shape[-2:] == (4, 4)
    ways, image = StrongestPhase()(feature.map(torch.zeros_like))
    assert torch.bincount(image).tolist() == [4] * 20


@pytest.mark.parametrize("positive", ["exp", "square"])
def test_positive_definiteness_costs_no_symmetry(positive: str) -> None:
    net = small(D4, 8, positive=positive).double()
    x = cells(20, 8).double()
    with torch.no_grad():
        net.head.linear.weight *= 20  # wild answers
        values = torch.linalg.eigvalsh(as_matrix(net(x)))
    assert values.min() > (0 if positive == "exp" else -1e-12)
    assert values.max() > 2 * values.min()
    for matrix in D4.matrix(D4.elements(torch.float64)):
        assert error(net, matrix, x) < 10 * EXACT[torch.float64]
    net(x).sum().backward()
    assert net.head.linear.weight.grad.isfinite().all()
    plain = small(D4, 8).double()
    with torch.no_grad():
        plain.head.linear.weight *= 20
        assert torch.linalg.eigvalsh(as_matrix(plain(x))).min() < 0, "there was something to do"


def test_the_head_projects_on_characters() -> None:
    """Q00 − Q11 is a B1, Q02 + Q12 a B2, Q02 − Q12 an A2, the rest A1: signs of the elements."""
    head = StiffnessHead(5, D4).double()
    elements = D4.elements(torch.float64)
    values = torch.randn(2, 5, 8, 1, 1, dtype=torch.float64)
    q = head(GroupFeature(values, elements[None]))
    w, b = head.linear.weight, head.linear.bias
    matrices = D4.matrix(elements)
    axes = (matrices[:, 0, 0] ** 2 - matrices[:, 0, 1] ** 2).round()  # x stays an axis of its own
    mirrored = torch.linalg.det(matrices).round()
    ones = torch.ones(8)
    irreps = [
        (q[:, 0] + q[:, 1], w[0] + w[1], b[0] + b[1], ones),
        (q[:, 2], w[2], b[2], ones),
        (q[:, 3], w[3], b[3], ones),
        (q[:, 0] - q[:, 1], w[0] - w[1], 0, axes),
        (q[:, 5] + q[:, 4], w[5] + w[4], 0, axes * mirrored),
        (q[:, 5] - q[:, 4], w[5] - w[4], 0, mirrored),
    ]
    for found, weight, bias, character in irreps:
        expected = torch.einsum("bch,c,h->b", values[..., 0, 0], weight, character.double()) / 8
        torch.testing.assert_close(found, expected + bias)


def test_labels_set_a_scale_that_no_symmetry_changes() -> None:
    labels = torch.randn(100, 6) * torch.arange(1, 7) + 5
    heads = []
    for matrix in D4.matrix(D4.elements()):
        heads.append(StiffnessHead(2, D4))
        heads[-1].standardise(labels @ representation(matrix).mT)
    for head in heads:
        torch.testing.assert_close(head.offset, heads[0].offset)
        torch.testing.assert_close(head.scale, heads[0].scale)
    one = heads[0]
    assert one.offset[4:].tolist() == [0, 0]
    assert one.offset[2].item() == pytest.approx(labels[:, 2].mean().item(), rel=1e-5)
    assert one.scale[3].item() == pytest.approx(labels[:, 3].std(correction=0).item(), rel=1e-5)


@pytest.mark.parametrize("group", [Trivial(), Mirror(), Dihedral(2), Cyclic(4), D4])
def test_orthotropic_labels_set_a_scale_that_tells_x_from_y(group: Finite) -> None:
    """Unless the net cannot: what it says of a turned cell is turned, whatever it was shown."""
    labels = torch.randn(100, 6) * torch.arange(1, 7) + torch.arange(6)
    head, tied = StiffnessHead(2, group), StiffnessHead(2, group)
    head.standardise(labels, orthotropic=True)
    tied.standardise(labels)
    turns = group.size % 4 == 0 and group.contains(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    assert torch.equal(head.offset, tied.offset) == torch.equal(head.scale, tied.scale) == turns
    if not turns:
        torch.testing.assert_close(head.offset[:4], labels.mean(0)[:4])
        own = (labels - head.offset).square().mean(0).sqrt()
        torch.testing.assert_close(head.scale, own)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["net=cells"], "net: a stiffness has 6 components, the data set 10; try dataset="),
        (["net=cells", *DATA, "dataset.size=24"], "net.pools=[0, 1, 2, 3]: cells of 24 x 24"),
        (["net=cells", *DATA, "net.pools=[4]"], "net.pools=[4]: the last layer is number 3"),
        (
            ["net=cells", *DATA, "base_group=dihedral", "base_group.order=8", "kernel=siren"],
            "base_group.group=Dihedral: a stiffness net needs elements that map pixels to pixels",
        ),
        (["net=cells", *DATA, "net.shifts=all"], "net.shifts=all: should be 'none', 'dilation'"),
    ],
)
def test_what_does_not_go_together_is_said_in_one_line(words: list[str], complaint: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        check(compose(words))
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)
