"""measure=[stiffness]: errors by component, of answers that are known."""

from math import isnan
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from config_schema import ConfigError
from constructors import check, compose
from datasets.spec import Splits
from datasets.stiffness import COMPONENTS
from datasets.tensors import TensorSplit
from datasets.unit_cells import UnitCells
from measures.measure import Subject
from measures.stiffness import Stiffness, explained
from tasks import Regression

SPEC = UnitCells(size=4).spec
NUM = 40


class Knows(nn.Module):
    """Reads the first pixels of a cell: the true stiffness, but for a shift of the second one and
    nothing at all of the last two."""

    def forward(self, cells: Tensor) -> Tensor:
        told = cells.flatten(1)[:, :6].clone()
        told[:, 1] += 0.1
        told[:, 4:] = 0
        return told


def subject(folder: Path) -> Subject:
    scale = torch.tensor([1.0, 1.0, 0.5, 0.5, 0.01, 0.01])
    values = (torch.rand(NUM, 6, generator=torch.Generator().manual_seed(0)) - 0.5) * scale
    cells = torch.full((NUM, 1, 4, 4), 0.5)
    cells.view(NUM, -1)[:, :6] = values / 2 + 0.5  # as values, once they are normalised
    values[3] *= 1e-3  # small, so that its relative error is the largest
    cells.view(NUM, -1)[3, :6] = values[3] / 2 + 0.5
    part = TensorSplit(cells, values, SPEC)
    return Subject(Knows().eval(), Splits(SPEC, part, part, part), Regression(), [], folder, 0, 7)


def test_each_component_has_its_own_r2(tmp_path: Path) -> None:
    """The pooled R² hides the two components of small variance, of which the net knows nothing."""
    given = subject(tmp_path)
    found = Stiffness(num_worst=2).measure(given)
    assert {found.values[f"r2/{name}"] > 0.999 for name in ("Q00", "Q22", "Q01")} == {True}
    assert 0.5 < found.values["r2/Q11"] < 0.95
    assert max(found.values[f"r2/{name}"] for name in ("Q12", "Q02")) <= 0
    assert found.values["mse/Q11"] == pytest.approx(0.01, rel=1e-4)
    columns, rows = found.tables["components"]
    assert list(columns) == ["component", "r2", "mse", "std_true"]
    assert [row[0] for row in rows] == list(COMPONENTS)
    columns, rows = found.tables["worst"]
    assert len(rows) == 2
    assert rows[0][0] == 3
    assert rows[0][1] >= rows[1][1]
    true = next(given.splits.test.batches(NUM))[1]
    assert list(rows[0][2:8]) == true[3].tolist()
    assert {path.stem for path in found.pictures} == {"predictions", "worst_cells"}
    assert all(path.stat().st_size > 5000 for path in found.pictures)


def test_r2_of_the_truth_of_the_mean_and_of_what_does_not_vary() -> None:
    true = torch.randn(50, 2)
    true[:, 1] = 3
    one, none = explained(true, true).tolist()
    assert one == 1
    assert isnan(none)
    assert explained(true, true.mean(0).expand(50, 2))[0].item() == pytest.approx(0, abs=1e-6)


def test_other_targets_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^measure=stiffness: the net predicts no stiffness"):
        check(compose(["measure=[stiffness]"]))
