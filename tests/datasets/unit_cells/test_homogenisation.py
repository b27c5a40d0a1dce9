"""Homogenisation: published digits, closed forms, bounds, symmetries, what is refused."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from datasets.unit_cells import homogenise
from datasets.unit_cells.elimination import elimination_order
from datasets.unit_cells.materials import plane_stress

Array = npt.NDArray[np.float64]

ONES = np.ones((64, 64), np.uint8)
LAMINATE = np.kron([[0, 1]], np.ones((64, 32), np.uint8))
SQUARE = np.pad(np.zeros((32, 32), np.uint8), 16, constant_values=1)
CHECKERBOARD = np.kron([[0, 1], [1, 0]], np.ones((32, 32), np.uint8))

PINS = [  # cell, soft modulus, Q00, Q01, Q11, Q22
    ("homogeneous", ONES, 0.1, "1.0989011 .32967033 1.0989011 .38461538"),
    ("laminate", LAMINATE, 0.1, ".19980020 .05994006 .56798202 .06993007"),
    ("soft laminate", LAMINATE, 1e-3, ".00219561 .00065868 .50069760 .00076846"),
    ("square", SQUARE, 0.1, ".66406415 .16244010 .66406415 .17427867"),
    ("hole", SQUARE, 1e-9, ".56168207 .10980776 .56168207 .10169084"),
    ("checkerboard", CHECKERBOARD, 0.1, ".28754325 .10891976 .28754325 .12559635"),
]

small_cells = st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1))
)
moduli = st.tuples(st.floats(1e-2, 10), st.floats(1e-2, 10))
ratios = st.floats(-0.5, 0.49)
anisotropies = st.floats(0.3, 9)  # the square root of .3 is .55
quick = settings(max_examples=60)


def phase_means(
    cell: Array, soft_stiff: tuple[float, float], ratio: float, anisotropy: float
) -> tuple[Array, Array]:
    """Return the bounds of Reuss and Voigt: the harmonic and arithmetic means of the phases."""
    material = plane_stress(ratio, anisotropy)
    values = np.where(cell == 1, soft_stiff[1], soft_stiff[0])
    return material / np.mean(1 / values), material * np.mean(values)


@pytest.mark.parametrize(("name", "cell", "soft", "digits"), PINS, ids=[pin[0] for pin in PINS])
def test_pins(name: str, cell: Array, soft: float, digits: str) -> None:
    stiffness = homogenise(cell, (soft, 1.0), 0.3)
    found = stiffness[[0, 0, 1, 2], [0, 1, 1, 2]]
    for value, digit in zip(found, digits.split(), strict=True):
        assert abs(value - float(digit)) <= 0.5001 * 10.0 ** -len(digit.split(".")[1])
    assert abs(stiffness[:2, 2]).max() < 1e-10
    assert (stiffness == stiffness.T).all()


@quick
@given(
    arrays(np.uint8, 6, elements=st.integers(0, 1)), moduli, ratios, anisotropies, st.integers(1, 4)
)
def test_laminates_have_a_closed_form(
    phases: Array, soft_stiff: tuple[float, float], ratio: float, anisotropy: float, height: int
) -> None:
    """Layers across x, and, with the axes exchanged, across y."""
    values = np.where(phases == 1, soft_stiff[1], soft_stiff[0])
    material, cell = plane_stress(ratio, anisotropy), np.tile(phases, (height, 1))
    for layered, across, along in ((cell, 0, 1), (cell.T, 1, 0)):
        places = [(across, across), (along, along), (0, 1), (2, 2)]
        c11, c22, c12, c66 = (material[place] * values for place in places)
        expected = np.zeros((3, 3))
        expected[across, across] = 1 / np.mean(1 / c11)
        coupling = np.mean(c12 / c11)
        expected[0, 1] = expected[1, 0] = coupling * expected[across, across]
        stretch = np.mean(c22 - c12**2 / c11)
        expected[along, along] = stretch + coupling**2 * expected[across, across]
        expected[2, 2] = 1 / np.mean(1 / c66)
        stiffness = homogenise(layered, soft_stiff, ratio, anisotropy)
        np.testing.assert_allclose(stiffness, expected, rtol=1e-9, atol=1e-10)


@quick
@given(small_cells, moduli, ratios, anisotropies)
def test_stiffness_lies_between_the_bounds(
    cell: Array, soft_stiff: tuple[float, float], ratio: float, anisotropy: float
) -> None:
    stiffness = homogenise(cell, soft_stiff, ratio, anisotropy)
    reuss, voigt = phase_means(cell, soft_stiff, ratio, anisotropy)
    assert np.linalg.eigvalsh(stiffness - reuss).min() > -1e-10
    assert np.linalg.eigvalsh(voigt - stiffness).min() > -1e-10


@quick
@given(small_cells, st.floats(1e-2, 10), ratios, anisotropies)
def test_a_homogeneous_cell_is_its_material(
    cell: Array, modulus: float, ratio: float, anisotropy: float
) -> None:
    """The inverse of its compliances 1/E1, 1/E2, −ν12/E1 = −ν21/E2 and 1/G12, by Huber's G12."""
    e1, e2, minor = modulus, modulus / anisotropy, ratio / anisotropy
    mean = np.copysign(np.sqrt(ratio * minor), ratio)
    compliance = np.diag([1 / e1, 1 / e2, 2 * (1 + mean) / np.sqrt(e1 * e2)])
    compliance[0, 1] = compliance[1, 0] = -ratio / e1
    expected = np.linalg.inv(compliance)
    for found in (
        homogenise(cell, (modulus, modulus), ratio, anisotropy),
        homogenise(np.zeros_like(cell), (modulus, 3.0), ratio, anisotropy),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@quick
@given(ratios)
def test_an_anisotropy_of_1_changes_no_bit(ratio: float) -> None:
    isotropic = [[1, ratio, 0], [ratio, 1, 0], [0, 0, (1 - ratio) / 2]]
    assert (plane_stress(ratio) == np.array(isotropic) / (1 - ratio**2)).all()


@quick
@given(small_cells, moduli, ratios, anisotropies)
def test_a_turned_cell_is_one_of_turned_phases(
    cell: Array, soft_stiff: tuple[float, float], ratio: float, anisotropy: float
) -> None:
    """What breaks D4 are the phases alone: with E1 and E2 exchanged, the turned cell has the turned
    stiffness."""
    upright = homogenise(cell, soft_stiff, ratio, anisotropy)
    soft, stiff = soft_stiff
    exchanged = (soft / anisotropy, stiff / anisotropy), ratio / anisotropy, 1 / anisotropy
    turned = homogenise(np.rot90(cell), *exchanged)
    turn = np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1]])
    np.testing.assert_allclose(turned, turn @ upright @ turn, rtol=1e-9, atol=1e-10)


@quick
@given(small_cells, moduli)
def test_a_repeated_cell_has_the_same_stiffness(
    cell: Array, soft_stiff: tuple[float, float]
) -> None:
    once, repeated = (homogenise(each, soft_stiff) for each in (cell, np.tile(cell, (2, 3))))
    np.testing.assert_allclose(once, repeated, rtol=1e-9, atol=1e-10)


@given(st.integers(1, 20), st.integers(1, 20))
def test_every_node_is_eliminated_once(height: int, width: int) -> None:
    order = elimination_order(height, width)
    assert sorted(order.tolist()) == list(range(height * width))
    assert order[-1] == 0


@pytest.mark.parametrize("cell", [np.ones(4), np.ones((2, 2, 2)), [[0.5, 1]], [[2, 0]], [[]]])
def test_other_arrays_are_refused(cell: Array) -> None:
    with pytest.raises(ValueError, match="zeros and ones"):
        homogenise(cell)


@pytest.mark.parametrize("soft", [0.0, -1.0, 1e-13, 1e13, float("nan"), float("inf")])
def test_impossible_moduli_are_refused(soft: float) -> None:
    with pytest.raises(ValueError, match=r"^youngs_moduli=\[.*must be positive, the lesser"):
        homogenise(ONES[:2, :2], (soft, 1.0))


@pytest.mark.parametrize("ratio", [1.0, -1.0, float("nan")])
def test_impossible_ratios_are_refused(ratio: float) -> None:
    with pytest.raises(ValueError, match=r"^poisson_ratio=.*must lie between"):
        homogenise(ONES[:2, :2], (0.1, 1.0), ratio)


@pytest.mark.parametrize("soft", [1e-6, 1e-9])
def test_islands_answer_as_the_soft_phase_does(soft: float) -> None:
    """What a stiff square that floats in the soft phase gives is of the order of the latter."""
    island = np.pad(np.ones((8, 8), np.uint8), 4)
    scaled = homogenise(island, (soft, 1.0)) / soft
    np.testing.assert_allclose(scaled, homogenise(island, (1e-4, 1.0)) / 1e-4, rtol=2e-3, atol=1e-4)
