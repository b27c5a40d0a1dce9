"""The contract of a group, against its matrices, for every group that cfg/base_group ships."""

from math import pi, tau

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partial_equiv.groups import O2, SO2, Cyclic, Dihedral, Finite, Group, Mirror, Trivial
from tests import shipped
from tests.tolerances import LAW

TOLERANCE = {"rtol": 0, "atol": LAW[torch.float64]}
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module", params=shipped.names("base_group"))
def group(request: pytest.FixtureRequest) -> Group:
    return shipped.group(request.param)


def draw(group: Group, seed: int, num: int = 5) -> torch.Tensor:
    return group.uniform(num, torch.Generator().manual_seed(seed), torch.float64)


@given(seed=seeds)
def test_product_and_inverse_are_those_of_the_matrices(group: Group, seed: int) -> None:
    a, b = draw(group, seed), draw(group, seed + 1)
    product = group.matrix(group.product(a[:, None], b[None]))
    torch.testing.assert_close(product, group.matrix(a)[:, None] @ group.matrix(b), **TOLERANCE)
    inverse = group.matrix(group.inverse(a))
    torch.testing.assert_close(inverse, group.matrix(a).mT, **TOLERANCE)  # orthogonal: g⁻¹ = gᵀ


@given(seed=seeds)
def test_axioms(group: Group, seed: int) -> None:
    a, b, c = draw(group, seed), draw(group, seed + 1), draw(group, seed + 2)
    identity = group.identity(torch.float64)
    for left, right in (
        (group.product(group.product(a, b), c), group.product(a, group.product(b, c))),
        (group.product(identity, a), a),
        (group.product(a, identity), a),
        (group.product(a, group.inverse(a)), identity.expand_as(a)),
    ):
        torch.testing.assert_close(group.matrix(left), group.matrix(right), **TOLERANCE)


@given(seed=seeds)
def test_coordinates_embed_the_group_without_a_seam(group: Group, seed: int) -> None:
    a, b = draw(group, seed), draw(group, seed + 1)
    same = group.product(group.product(a, b), group.inverse(b))  # a, by a long way round
    torch.testing.assert_close(group.coordinates(same), group.coordinates(a), **TOLERANCE)
    assert group.coordinates(a).shape == (5, group.coordinate_size)
    apart = (group.matrix(a)[:, None] - group.matrix(b)).abs().amax((-2, -1))
    distance = torch.cdist(group.coordinates(a), group.coordinates(b))
    assert torch.all(distance >= 0.5 * apart)  # different elements, different coordinates
    near = group.product(a, group.exp(torch.full((5, group.algebra_size), 1e-6).double()))
    assert torch.all((group.coordinates(near) - group.coordinates(a)).abs() <= 1e-6)


def test_coordinates_are_continuous_at_half_a_turn() -> None:
    angles = torch.tensor([[pi - 1e-9], [-pi + 1e-9]], dtype=torch.float64)
    ahead, behind = SO2().coordinates(angles)
    torch.testing.assert_close(ahead, behind, rtol=0, atol=1e-8)


@given(seed=seeds)
def test_exp_and_log_round_trips(group: Group, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    shape = (5, group.algebra_size)
    tangents = 3 * (2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1)
    torch.testing.assert_close(group.log(group.exp(tangents)), tangents, **TOLERANCE)
    elements = draw(group, seed)
    rest = group.product(group.inverse(group.exp(group.log(elements))), elements)
    torch.testing.assert_close(group.log(rest), torch.zeros(shape).double(), **TOLERANCE)
    there = group.matrix(group.product(group.exp(group.log(elements)), rest))
    torch.testing.assert_close(there, group.matrix(elements), **TOLERANCE)


@given(shift=st.floats(-1, 1))
@pytest.mark.parametrize("name", shipped.names("base_group"))
def test_a_shifted_grid_is_closed_under_the_exact_elements(name: str, shift: float) -> None:
    group, n = shipped.group(name), shipped.grid_size(name)
    one = torch.ones((), dtype=torch.float64)
    grid = group.matrix(group.subset(n, one, shift * one))
    assert grid.shape == (n, 2, 2)
    for exact in exact_elements(group):
        moved = group.matrix(exact) @ grid
        distance = (moved[:, None] - grid).abs().amax((-2, -1)).amin(1)
        torch.testing.assert_close(distance, torch.zeros(n).double(), **TOLERANCE)


def exact_elements(group: Group) -> torch.Tensor:
    """The elements that map the pixel grid to itself."""
    quarter = torch.linspace(-pi, pi, 9, dtype=torch.float64)
    if isinstance(group, Finite):
        return group.elements(torch.float64)[group.grid_permuting()]
    if isinstance(group, O2):
        return torch.cartesian_prod(quarter[::2], torch.tensor([0.0, 1.0]).double())
    return quarter[::2, None]


def test_uniform_is_haar(group: Group) -> None:
    """The elements of a finite group come equally often; else the mean matrix is 0."""
    draws = group.matrix(draw(group, 0, num=20_000))
    if isinstance(group, Finite):
        matrices = group.matrix(group.elements(torch.float64))
        drawn = (draws[:, None] - matrices).abs().amax((-2, -1)).argmin(1)
        shares = torch.bincount(drawn, minlength=group.size) / 20_000
        assert (shares - 1 / group.size).abs().max() < 5 * (1 / group.size / 20_000) ** 0.5
        return
    assert draws.mean(0).abs().max() < 5 * (0.5 / 20_000) ** 0.5
    if group.optional_parts:
        assert abs(torch.linalg.det(draws).mean()) < 5 / 20_000**0.5


def test_part_names_every_element(group: Group) -> None:
    part = group.part(group.size or 4)
    assert set(part.tolist()) == set(range(1 + len(group.optional_parts)))


@pytest.mark.parametrize(("group", "n"), [(Trivial(), 2), (O2(), 5), (Cyclic(8), 4), (Mirror(), 3)])
def test_impossible_grids_are_refused_with_the_reason(group: Group, n: int) -> None:
    with pytest.raises(ValueError, match=f"num_samples={n}: .*use"):
        group.grid(n)


FINITE = [Trivial(), Mirror(), *map(Cyclic, (1, 2, 3, 4, 8, 16)), *map(Dihedral, (1, 2, 3, 4, 6))]


@pytest.mark.parametrize("group", FINITE, ids=lambda g: f"{type(g).__name__}-{g.size}")
def test_the_table_of_a_finite_group_is_that_of_its_matrices(group: Finite) -> None:
    table, matrices = group.cayley_table(), group.matrix(group.elements(torch.float64))
    n = group.size
    assert group.elements().shape == (n, group.element_size)
    torch.testing.assert_close(matrices[:, None] @ matrices, matrices[table], **TOLERANCE)
    for lines in (table, table.T):  # a Latin square, the identity first
        assert torch.equal(lines.sort().values, torch.arange(n).expand(n, n))
        assert torch.equal(lines[0], torch.arange(n))
    products = group.product(group.elements()[:, None], group.elements())
    assert torch.equal(products, group.elements()[table])  # to the bit, also in float32
    assert len(set(group.optional_parts)) == n - 1


@pytest.mark.parametrize("group", FINITE, ids=lambda g: f"{type(g).__name__}-{g.size}")
def test_a_finite_group_knows_which_elements_permute_the_pixels(group: Finite) -> None:
    matrices = group.matrix(group.elements(torch.float64))
    integer = (matrices - matrices.round()).abs().amax((-2, -1)) < 1e-9
    assert torch.equal(group.grid_permuting(), integer)
    assert group.grid_permuting().dtype == torch.bool


@pytest.mark.parametrize("order", [1, 2, 3, 4, 6, 8, 12, 16])
def test_quarter_turns_are_in_the_group_iff_4_divides_its_order(order: int) -> None:
    quarter = SO2().matrix(torch.tensor([pi / 2], dtype=torch.float64))
    for group in (Cyclic(order), Dihedral(order)):
        distance = (group.matrix(group.elements(torch.float64)) - quarter).abs().amax((-2, -1))
        assert (distance.min().item() < 1e-12) == (order % 4 == 0)


def test_a_finite_group_is_embedded_as_its_continuous_one() -> None:
    """C_n and D_n are elements of SO(2) and O(2), listed as the grids there: mirrored is M·h."""
    turns = tau / 6 * torch.arange(6, dtype=torch.float64)
    cyclic, dihedral = Cyclic(6), Dihedral(6)
    angles = cyclic.embedded(cyclic.elements(torch.float64))
    torch.testing.assert_close(angles, turns[:, None], **TOLERANCE)
    mirror = torch.tensor([0.0, 1.0]).double()
    rotations = torch.stack([turns, torch.zeros(6).double()], dim=-1)
    expected = O2().matrix(torch.cat([rotations, O2().product(mirror, rotations)]))
    torch.testing.assert_close(
        dihedral.matrix(dihedral.elements(torch.float64)), expected, **TOLERANCE
    )
    flip = torch.tensor([[-1.0, 0.0], [0.0, 1.0]])
    assert torch.equal(Mirror().matrix(Mirror().elements())[1], flip)


def test_parts_are_named_by_what_they_do() -> None:
    assert Cyclic(8).optional_parts[:3] == ("rot45", "rot90", "rot135")
    group = Dihedral(4)
    assert group.optional_parts.index("rot90_mirror") + 1 == group.part(8)[5]
    turn, mirror = group.elements()[1], group.elements()[4]
    assert torch.equal(group.product(mirror, turn), group.elements()[5])  # first turn, then mirror


def test_only_a_family_of_groups_has_an_order_to_choose() -> None:
    assert Cyclic().of_order(5).size == 5
    assert Dihedral().of_order(5).size == 10
    for group in (SO2(), Mirror(), Trivial()):
        with pytest.raises(ValueError, match=r"order=4: .*no order"):
            group.of_order(4)


@pytest.mark.parametrize("kind", [Cyclic, Dihedral])
@pytest.mark.parametrize("order", [0, -1])
def test_a_group_without_elements_is_refused(kind: type[Cyclic | Dihedral], order: int) -> None:
    with pytest.raises(ValueError, match=f"^order={order}: must be at least 1$"):
        kind(order)
    with pytest.raises(ValueError, match=f"^order={order}: must be at least 1$"):
        kind(4).of_order(order)
