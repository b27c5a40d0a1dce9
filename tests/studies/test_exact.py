"""Exact and broken equivariance: what the report says of runs whose numbers are known."""

import csv
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from composition import CONFIG_FOLDER
from constructors import Build, compose
from studies.finished import FinishedRun
from studies.reports.exact import report
from studies.study import read_study
from tests.terminal import Terminal

LINE = "stride rule"


def write(folder: Path, name: str, columns: Sequence[str], *rows: Sequence[object]) -> None:
    """A table of a run."""
    path = folder / "tables" / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def trained(folder: Path, row: str, seed: int, upside_down: float) -> FinishedRun:
    """A run of accuracy .9 at all quarter turns but one."""
    place = folder / row / f"seed={seed}"
    found = {0.0: 0.9, 45.0: 0.5, 90.0: 0.9, 180.0: upside_down, 270.0: 0.9}
    write(place, "angles/accuracy", ("degrees", "accuracy"), *found.items())
    write(place, "meter/epochs", ("epoch", "layer", "relative"), (0, "pool", 0.1), (1, "pool", 1.0))
    values = {f"angles/accuracy_{angle:g}": value for angle, value in found.items()}
    unseen = (2.7 + upside_down) / 4
    result = {"angles/seen": 0.9, "angles/unseen": unseen, "meter/relative": 0.2, **values}
    return FinishedRun(row, seed, place, result)


def test_means_over_seeds_stand_beside_what_was_published(tmp_path: Path) -> None:
    runs = [trained(tmp_path, "a", seed, value) for seed, value in ((0, 0.9), (1, 0.5))]
    runs.append(trained(tmp_path, "b", 0, 0.1))
    published = {"a": {"accuracy_0": 0.99, "unseen": 0.8}}
    found = report(runs, tmp_path / "figures", published=published)
    assert found.values["a/unseen"] == pytest.approx(0.85)
    assert found.values["a/unseen_std"] == pytest.approx(0.05 * 2**0.5)
    assert "b/unseen_std" not in found.values
    _, lines = found.tables["published"]
    assert lines == [
        ["a", "ours", "90.00", "50.00", "90.00", "70.00", "90.00", "85.00 ± 7.07"],
        ["a", "published", "99.00", "", "", "", "", "80.00"],
        ["b", "ours", "90.00", "50.00", "90.00", "10.00", "90.00", "70.00"],
    ]
    columns, rows = found.tables["angles"]
    assert columns == ["net", "seed", "degrees", "accuracy"]
    assert len(rows) == 3 * 5
    assert found.tables["seen_unseen"][0][:4] == ["net", "seen", "unseen", "equivariance_error"]
    assert {path.stem for path in found.pictures} == {"accuracy_over_angle", "error_over_layers"}


def test_sizes_are_exact_or_break_somewhere(tmp_path: Path) -> None:
    columns = ("size", "mse", "l1", "relative", "first break", "reason")
    rows = [
        (27, 1, 1, 0.5, "pool1", LINE),
        (28, 0, 0, 1e-7, "", ""),
        (29, 1, 1, 0.5, "pool1", LINE),
    ]
    write(tmp_path / "p4", "sizes/errors", columns, *rows)
    found = report([FinishedRun("p4", 0, tmp_path / "p4", {})], tmp_path / "figures")
    assert found.tables["exact"][1] == [["p4", "28", "pool1 at 27, 29"]]
    assert found.tables["sizes"][0] == ["net", *columns]
    assert found.values == {"p4/27": 0.5, "p4/28": 1e-7, "p4/29": 0.5}
    (picture,) = found.pictures
    assert picture.stat().st_size > 10_000


def test_a_dry_run_reports(terminal: Terminal, tmp_path: Path) -> None:
    rows = "study.rows=[stride_2,exact]"
    tiny = ("net.hidden_channels=2", "dataset.train_size=40", "tracking=none")
    answer = terminal("study=exact/nets", "debug=True", rows, *tiny)
    assert answer.status == 0, answer.err
    (folder,) = (path.parent for path in tmp_path.rglob("report.json"))
    drawn = {path.stem for path in (folder / "figures").iterdir()}
    assert drawn == {"rows", "accuracy_over_angle", "error_over_layers", "error_over_size"}
    assert "| stride_2 | 27 | lifting at 28 |" in (folder / "report.md").read_text()


def test_published_rows_are_equal_but_for_what_is_compared() -> None:
    """P4 and Z2 nets have as many parameters, and a data set has one training."""
    study = read_study(
        OmegaConf.to_container(
            OmegaConf.load(CONFIG_FOLDER / "study" / "exact" / "published.yaml"), resolve=False
        )
    )
    rows = study.named_rows()
    assert len(rows) == 23
    assert study.settings["published"].keys() == rows.keys()
    for data, names in groupby(rows, key=lambda name: name.partition("-")[0]):
        numbers, trainings = [], []
        for name in names:
            config = compose([*study.words, *rows[name].words])
            assert name.endswith(f"-{config.dataset.size}")
            model = Build(config).model
            numbers.append(sum(parameter.numel() for parameter in model.parameters()))
            trainings.append(OmegaConf.to_container(config.train))
            assert config.kernel._target_ == "partial_equiv.ck.GridKernel"
            assert not config.conv.partial
            assert {"angles", "meter"} <= config.measure.keys()
            if rows[name].published is not None:
                assert study.settings["published"][name]["unseen"] == rows[name].published
        assert max(numbers) <= 1.03 * min(numbers), data
        assert all(each == trainings[0] for each in trainings), data
