"""Random cells: volume fractions, scales, periodicity, and what counts as connected."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import label

from datasets.randomness import keyed_generator
from datasets.unit_cells.connectivity import Cell, is_connected, largest_piece
from datasets.unit_cells.random_cells import CellLaw

LAW = CellLaw(32, (0.3, 0.7), (0.04, 0.08), connected=False)
DIAGONAL_BARS = ["100", "010", "001"]
STAIRS = ["110", "011", "101"]
GRID = ["111", "100", "100"]
# A line that goes round once to the right and twice down: it repeats as two lines.
STEEP = ["1000", "1000", "1100", "0100", "0110", "0010", "0011", "0001"]


def cell(rows: list[str]) -> Cell:
    """Return a cell drawn in zeros and ones."""
    return np.array([[int(digit) for digit in row] for row in rows], np.uint8)


def pieces_of_the_plane(tiles: Cell) -> int:
    """Count the pieces of a part of the plane that reach across its middle, by brute force."""
    repeats = 9
    parts, _ = label(np.tile(tiles, (repeats, repeats)))
    height, width = tiles.shape
    middle = parts[4 * height : 5 * height, 4 * width : 5 * width]
    return len(set(middle[middle > 0].tolist()))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["1"], True),
        (["0"], False),
        (GRID, True),
        (["111", "000", "000"], False),  # a bar, and its parallels
        (DIAGONAL_BARS, False),  # pixels that touch at corners
        (STAIRS, False),  # one line that winds round both ways at once
        (["1011", "0000", "1011", "1011"], False),
        (["1111", "1001", "1001", "1111"], True),
        (["11111", "10001", "10101", "10001", "11111"], False),  # an island
        (STEEP, False),
    ],
)
def test_connected_means_one_piece_of_the_plane(rows: list[str], expected: bool) -> None:
    assert is_connected(cell(rows)) == expected


@settings(max_examples=100)
@given(arrays(np.uint8, (4, 4), elements=st.sampled_from([0, 1, 1])))
def test_connectivity_agrees_with_the_tiled_plane(tiles: Cell) -> None:
    if tiles.any():
        assert is_connected(tiles) == (pieces_of_the_plane(tiles) == 1 and _reaches(tiles))


def _reaches(tiles: Cell) -> bool:
    """Whether the piece in the middle of the plane meets its own copies both ways."""
    parts, _ = label(np.tile(tiles, (9, 9)))
    row, column = np.argwhere(tiles)[0] + 4 * np.array(tiles.shape)
    shifts = ((tiles.shape[0], 0), (0, tiles.shape[1]))
    return all(parts[row + down, column + right] == parts[row, column] for down, right in shifts)


def test_the_largest_piece_goes_round_the_torus() -> None:
    found = largest_piece(cell(["1001", "0110", "0000", "1001"]))
    assert found.tolist() == cell(["1001", "0000", "0000", "1001"]).tolist()
    assert not largest_piece(cell(["00", "00"])).any()


def test_volume_fractions_are_met() -> None:
    fractions = [LAW.draw(keyed_generator(i)).mean() for i in range(40)]
    assert 0.3 <= min(fractions) < 0.36
    assert 0.64 < max(fractions) <= 0.7
    exact = CellLaw(10, (0.25, 0.25), (0.1,), connected=False)
    assert exact.draw(keyed_generator(0)).sum() == 25


def test_scales_make_cells_coarse_or_fine() -> None:
    def edges(scale: float) -> float:
        law = CellLaw(32, (0.5, 0.5), (scale,), connected=False)
        cells = [law.draw(keyed_generator(i)).astype(int) for i in range(10)]
        return float(np.mean([abs(each - np.roll(each, 1, 0)).mean() for each in cells]))

    assert edges(0.03) > 1.6 * edges(0.06) > 2.5 * edges(0.12)


def test_the_seam_is_like_any_other_line() -> None:
    cells = np.stack([LAW.draw(keyed_generator(i)).astype(int) for i in range(60)])
    for axis in (1, 2):
        changes = abs(cells - np.roll(cells, 1, axis)).mean((0, 3 - axis))  # by line
        assert abs(changes[0] - changes.mean()) < 0.03


def test_connected_cells_are_connected() -> None:
    law = CellLaw(32, (0.5, 0.7), (0.04, 0.08), connected=True)
    cells = [law.draw(keyed_generator(i)) for i in range(20)]
    assert all(is_connected(each) for each in cells)
    assert not all(
        is_connected(CellLaw(32, (0.5, 0.7), (0.04,), False).draw(keyed_generator(i)))
        for i in range(20)
    )


def test_too_rare_cells_are_told() -> None:
    law = CellLaw(8, (0.1, 0.1), (0.04,), connected=True)
    with pytest.raises(ValueError, match=r"^connected=True: none of 1000 cells"):
        law.draw(keyed_generator(0))
