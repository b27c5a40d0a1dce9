"""Files of generated cells: reproducible, resumed after a kill, extended, checked."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from datasets.spec import MissingData
from datasets.unit_cells import COMPONENTS, generation, homogenise
from datasets.unit_cells.generation import obtain
from datasets.unit_cells.random_cells import CellLaw
from datasets.unit_cells.recipe import Recipe

LAW = CellLaw(6, (0.3, 0.7), (0.1, 0.2), connected=False)
RECIPE = Recipe(LAW, (0.01, 1.0), 0.3, seed=0)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "BLOCK", 4)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the number of every cell that is made."""
    numbers: list[int] = []
    make = Recipe.make

    def counted(self: Recipe, index: int) -> object:
        numbers.append(index)
        return make(self, index)

    monkeypatch.setattr(Recipe, "make", counted)
    return numbers


def test_cells_and_labels_belong_together(tmp_path: Path) -> None:
    cells, stiffness = obtain(tmp_path, RECIPE, 10)
    assert cells.shape == (10, 6, 6)
    assert len(np.unique(cells, axis=0)) == 10
    for cell, label in zip(cells, stiffness, strict=True):
        matrix = homogenise(cell, (0.01, 1.0), 0.3)
        assert label.tolist() == [matrix[int(name[1]), int(name[2])] for name in COMPONENTS]


def test_a_file_is_made_once_and_extended(tmp_path: Path, made: list[int]) -> None:
    few, _ = obtain(tmp_path, RECIPE, 6)
    assert sorted(made) == list(range(6))
    again, _ = obtain(tmp_path, RECIPE, 5)
    assert np.array_equal(again, few[:5])
    more, _ = obtain(tmp_path, RECIPE, 11)
    assert sorted(made) == list(range(11))
    assert np.array_equal(more[:6], few)
    whole, _ = obtain(tmp_path / "elsewhere", RECIPE, 11)
    assert np.array_equal(whole, more), "in one go or in two"
    (left,) = [path for path in tmp_path.iterdir() if path.name.startswith("unit_cells")]
    assert left.suffix == ".h5"


@pytest.mark.parametrize("num_workers", [1, 3])
def test_the_number_of_threads_changes_nothing(tmp_path: Path, num_workers: int) -> None:
    first = obtain(tmp_path / "1", RECIPE, 9, num_workers)
    second = obtain(tmp_path / "2", RECIPE, 9, 2)
    assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))


def test_recipes_have_their_own_files(tmp_path: Path) -> None:
    other = Recipe(LAW, (0.01, 1.0), 0.3, seed=1)
    assert not np.array_equal(*(obtain(tmp_path, each, 3)[0] for each in (RECIPE, other)))
    assert len(list(tmp_path.glob("*.h5"))) == 2


def test_isotropic_phases_keep_the_files_they_had(tmp_path: Path) -> None:
    materials = '"poisson_ratio": 0.3, "seed": 0, "version": 1, "youngs_moduli": [0.01, 1.0]}'
    assert RECIPE.text.endswith(f'"volume_fractions": [0.3, 0.7]}}, {materials}')
    assert Recipe(LAW, (0.01, 1.0), 0.3, seed=0, anisotropy=1) == RECIPE
    cells, stiffness = obtain(tmp_path, RECIPE, 3)
    four = Recipe(LAW, (0.01, 1.0), 0.3, seed=0, anisotropy=4)
    same, other = obtain(tmp_path, four, 3)
    assert np.array_equal(same, cells), "the cells themselves do not ask for their phases"
    assert (other[:, 1] < 0.6 * stiffness[:, 1]).all()
    assert four.name != RECIPE.name


def test_finished_blocks_survive(
    tmp_path: Path, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = obtain(tmp_path / "whole", RECIPE, 10)
    with monkeypatch.context() as patch:
        patch.setattr(generation, "_write", _stop)
        with pytest.raises(KeyboardInterrupt):
            obtain(tmp_path, RECIPE, 10)
    (parts,) = tmp_path.glob("*.parts")
    first, second, last = sorted(parts.iterdir(), key=lambda path: int(path.stem.split("-")[0]))
    second.write_bytes(second.read_bytes()[:-40])  # torn
    damaged = bytearray(last.read_bytes())
    damaged[60] ^= 255
    last.write_bytes(bytes(damaged))
    (tmp_path / f".{RECIPE.name}.h5.unfinished").write_bytes(b"half")
    made.clear()
    found = obtain(tmp_path, RECIPE, 10)
    assert sorted(made) == [4, 5, 6, 7, 8, 9], f"the block {first.name} was whole"
    assert all(np.array_equal(*pair) for pair in zip(found, expected, strict=True))
    assert not parts.exists()


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_killed_process_is_resumed(tmp_path: Path, made: list[int]) -> None:
    words = (
        "from pathlib import Path; from tests.datasets.unit_cells.test_generated import RECIPE; "
        "from datasets.unit_cells import generation; generation.BLOCK = 4; "
        f"generation.obtain(Path({str(tmp_path)!r}), RECIPE, 100_000, 1)"
    )
    process = subprocess.Popen([sys.executable, "-c", words], cwd=Path(__file__).parents[3])
    deadline = time.monotonic() + 120
    try:
        while not list(tmp_path.glob("*.parts/8-12.npz")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not list(tmp_path.glob("*.h5"))
    cells, _ = obtain(tmp_path, RECIPE, 14)
    assert not made or min(made) >= 12
    assert np.array_equal(cells, obtain(tmp_path / "whole", RECIPE, 14)[0])


def damage_cells(path: Path) -> None:
    """Change one pixel."""
    with h5py.File(path, "r+") as file:
        file["cells"][0, 0, 0] ^= 1


def damage_labels(path: Path) -> None:
    """Change one label."""
    with h5py.File(path, "r+") as file:
        file["stiffness"][1, 2] += 1e-9


def displace_cells(path: Path) -> None:
    """Put something else where the cells were."""
    with h5py.File(path, "r+") as file:
        del file["cells"]
        file.create_group("cells")


def drop_checksum(path: Path) -> None:
    """Leave out the checksum."""
    with h5py.File(path, "r+") as file:
        del file.attrs["checksum"]


def tear(path: Path) -> None:
    """Cut the file in half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    "damage", [damage_cells, damage_labels, displace_cells, drop_checksum, tear]
)
def test_a_damaged_file_is_told_in_one_line(tmp_path: Path, damage: object) -> None:
    obtain(tmp_path, RECIPE, 5)
    (path,) = tmp_path.glob("*.h5")
    assert callable(damage)
    damage(path)
    with pytest.raises(MissingData, match=rf"^{path.name} is damaged \(.*delete the file") as told:
        obtain(tmp_path, RECIPE, 5)
    assert "\n" not in str(told.value)
    path.unlink()
    obtain(tmp_path, RECIPE, 5)
