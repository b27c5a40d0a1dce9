"""The study of cells: its words, what its report comes to, and bounds that are told as bounds."""

import csv
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from constructors import compose, construct_model
from datasets.stiffness import COMPONENTS
from studies.finished import FinishedRun, finished_runs
from studies.folder import read_study_folder
from studies.jobs import Job, study_jobs
from studies.reports.metamaterials import report
from studies.study import Study, read_study
from tests.terminal import Terminal

STUDIES = ("large", "savings", "small")
SMALL = """\
# @package study
words: [dataset=unit_cells, task=regression, dataset.num=40, dataset.size=16,
        'dataset.split_seed=${seed}', tracking=none, train.epochs=1, train.batch_size=14]
axes:
  net:
    cnn: [net=cells, net.hidden_channels=3]
    d4_shift:
      - [net=cells, base_group=dihedral, net.shifts=polyphase]
      - net.hidden_channels=2
      - measure=[stiffness]
  augmentation:
    all: [dataset.augment_flip=True, dataset.augment_rotation=True, dataset.augment_shift=True]
  cells: {"14": [dataset.train_size=14], "28": [dataset.train_size=28]}
seeds: [0]
metric: test/loss
report: metamaterials
"""


@cache
def study(name: str) -> Study:
    values = OmegaConf.to_container(compose([f"study=metamaterials/{name}"]).study, resolve=False)
    return read_study(values)


def jobs(name: str) -> list[Job]:
    return study_jobs(study(name), Path("studies"))


@pytest.mark.parametrize("name", STUDIES)
def test_every_seed_has_a_split_and_an_initialisation_of_its_own(name: str) -> None:
    last = jobs(name)[len(study(name).seeds) - 1]
    config = compose(last.words)
    assert config.seed == config.dataset.split_seed == last.seed > 0
    assert config.dataset.get("folds") == (5 if name == "large" else None)


@pytest.mark.parametrize("name", STUDIES)
def test_nets_that_are_compared_have_as_many_parameters(name: str) -> None:
    words = {job.row.split("/")[0]: job.words for job in jobs(name)}
    numbers = {
        net: sum(each.numel() for each in construct_model(compose(word)).parameters())
        for net, word in words.items()
    }
    told = (23_305, 22_646) if name == "large" else (8_770, 8_214)  # EXPERIMENTS.md
    assert (numbers["cnn"], numbers["d4_shift"]) == told
    assert max(numbers.values()) < 1.07 * min(numbers.values())


def test_trainings_of_all_sizes_have_the_same_steps() -> None:
    steps = {compose(job.words).train.steps for job in jobs("savings")[::12]}
    assert steps == {800}


def read(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "tables" / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_study_leaves_tables_and_figures(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cfg" / "study").mkdir(parents=True)
    (tmp_path / "cfg" / "study" / "cells.yaml").write_text(SMALL)
    words = f"dataset.root={tmp_path}", f"hydra.sweep.dir={tmp_path / 'out'}"
    answer = terminal("--config-dir", str(tmp_path / "cfg"), "study=cells", *words)
    assert answer.status == 0, answer.out + answer.err
    folder = tmp_path / "out"
    result = json.loads((folder / "report.json").read_text())
    trials = read(folder, "trials")
    assert len(trials) == result["trainings"] == 2 * 2
    assert {int(trial["cells"]) for trial in trials} == {14, 28}
    (error,) = [
        float(trial["test/loss"])
        for trial in trials
        if (trial["net"], trial["cells"]) == ("d4_shift", "28")
    ]
    assert result["mse/d4_shift/all/28"] == pytest.approx(error, rel=1e-3)
    rows = read(folder, "mse")
    assert [list(row) for row in rows] == [["net", "all"]] * 2
    assert [row["net"] for row in rows] == ["cnn", "d4_shift"]
    assert rows[1]["all"] == f"{error:.4g}"
    assert f"r2_{COMPONENTS[-1]}/d4_shift/all/28" in result
    plain, *_, symmetrical = read(folder, "r2_by_component")
    assert {plain[name] for name in COMPONENTS} == {"not measured"}
    assert {float(symmetrical[name]) < 1 for name in COMPONENTS} == {True}
    drawn = {path.stem for path in (folder / "figures").glob("*.png")}
    each = {f"{kind}_{net}" for kind in ("parity", "worst") for net in ("cnn", "d4_shift")}
    assert drawn - {"rows"} == {"learning", "convergence", *each}

    monkeypatch.setattr("studies.reports.metamaterials._draw_answers", lambda *_: [])  # seconds
    told = report(_with_errors(finished_runs(read_study_folder(folder))), tmp_path / "better")
    assert told.values["mse/d4_shift/all/28"] == 1.1
    assert told.values["mse_std/d4_shift/all/28"] == pytest.approx(0.02**0.5)
    assert told.tables["mse"][1][1] == ["d4_shift", "1.1 ± 0.14"]
    assert told.values["saving/d4_shift/all/14"] == "> 2"
    rows = [["d4_shift", "all", "14", "> 2"], ["d4_shift", "all", "28", "> 1"]]
    assert told.tables["saving"][1] == rows


def test_a_part_of_a_study_is_reported_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each net is done with another size; nobody measured the components."""
    monkeypatch.setattr("studies.reports.metamaterials._draw_answers", lambda *_: [])
    result = {"test/loss": 0.5, "test/r2": 0.9, "test/relative_error": 0.2}
    runs = [
        FinishedRun("cnn/none/14", 0, tmp_path, {**result, "samples": 14}),
        FinishedRun("d4_shift/none/28", 0, tmp_path, {**result, "samples": 28}),
    ]
    for part in (runs, runs[:1]):
        found = report(part, tmp_path / "figures")
        assert found.values["trainings"] == len(part)
    assert report(runs, tmp_path / "figures").tables["mse"][1] == [
        ["cnn", "not run"],
        ["d4_shift", "0.5"],
    ]
    assert "saving" not in found.tables


def _with_errors(runs: list[FinishedRun]) -> list[FinishedRun]:
    """The same runs and a second seed of each, with errors of 2.1 ± .1 (cnn) and 1.1 ± .1."""
    return [
        replace(
            run, seed=seed, result={**run.result, "test/loss": 1 + ("cnn" in run.row) + seed / 5}
        )
        for run in runs
        for seed in (0, 1)
    ]
