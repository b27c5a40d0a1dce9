"""Damaged files of runs, sweeps and studies: one line that names the file, or the right outcome."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.comparison import main as compare
from benchmarks.campaign.damage import DAMAGES, damage
from config_schema import complaint
from datasets.recorded_spec import read_spec, write_spec
from datasets.spec import DataSpec
from plain_files import read_table
from run_folder import (
    difference,
    is_done,
    read_config,
    read_overrides,
    read_result,
    write_config,
    write_result,
)
from studies import status
from studies.folder import StudyFolder, read_study_folder
from studies.jobs import study_jobs
from studies.study import Study
from tracking import JsonTracker, read_metrics, rewind

CONFIG: dict[str, Any] = {
    "seed": 0,
    "dataset": {"_target_": "datasets.digits.Digits", "size": 16},
    "net": {"widths": [1, 2]},
    "train": {"epochs": 3},
}
SPEC = DataSpec(1, 2, (16, 16), (0.5,), (0.25,), ("a", "b"))
WORDS = ["seed=0", "net.widths=[1,2]", "tracking=none"]
RESULT = {"test/accuracy": 0.5, "val/loss": None, "parameters": 7, "seconds/train": 1.5}
HISTORY = [
    {"epoch": e, "step": 5 * e, "val/loss": 1 / e, "range/a": float("nan" if e == 2 else e)}
    for e in range(1, 7)
]
# Of one byte that makes another plausible value of a file nobody but the file itself knows better.
CHANGES_A_VALUE = {"a bit flipped", "another bit flipped", "a third bit flipped", "lines mixed"}


def finished(folder: Path) -> Path:
    """A folder as a run leaves it, but for its checkpoints."""
    folder.mkdir(parents=True)
    write_config(folder, CONFIG, WORDS, {"commit": "abc"})
    write_result(folder, RESULT)
    write_spec(folder, SPEC)
    tracker = JsonTracker(folder)
    for record in HISTORY:
        values = {name: value for name, value in record.items() if name not in ("epoch", "step")}
        tracker.scalars(values, epoch=int(record["epoch"]), step=int(record["step"]))
    return folder


def outcome(work: Callable[[], object]) -> object:
    """What work comes to; for a complaint, that it is one line."""
    try:
        return work()
    except Exception as error:
        if (told := complaint(error)) is None or len(told.splitlines()) != 1:
            raise
        return told


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("name", ["config.yaml", "overrides.yaml", "result.json", "data.json"])
def test_a_damaged_file_of_a_run_is_told(
    name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads it; what stands in two files is taken from the whole one."""
    folder = finished(tmp_path / "run")
    damage(folder / name, kind, random.Random(kind))
    expected: dict[str, tuple[Callable[[], object], object]] = {
        "config.yaml": (lambda: read_config(folder), CONFIG),
        "overrides.yaml": (lambda: read_overrides(folder), WORDS),
        "result.json": (lambda: read_result(folder), RESULT),
        "data.json": (lambda: read_spec(folder), SPEC),
    }
    read, right = expected[name]
    found = outcome(read)
    if name == "overrides.yaml":
        assert found == right, "config.yaml holds them, too"
    elif kind not in CHANGES_A_VALUE and found not in (right, None):
        told = isinstance(found, str) and name in found
        other_shape = kind in ("a mapping", "a mapping of others", "a line missing", "a line twice")
        assert told or other_shape or kind.startswith(("cut", "without")), found
    is_done(folder)
    outcome(lambda: difference(folder, CONFIG))
    monkeypatch.setattr("analysis.comparison.draw_study", lambda *_: None)
    assert compare([str(tmp_path)]) in (0, 1)


@pytest.mark.parametrize("kind", DAMAGES)
def test_records_are_those_of_the_checkpoint(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = finished(tmp_path / "run")
    path = folder / "metrics.jsonl"
    whole = path.read_text()
    damage(path, kind, random.Random(kind))
    read = outcome(lambda: read_metrics(folder))
    assert isinstance(read, list) or "writes it anew" in str(read)
    told = outcome(lambda: rewind(folder, HISTORY))
    if kind == "a folder":
        assert "metrics.jsonl" in str(told)
        return
    assert told is None
    assert path.read_text() == whole
    silent = kind in ("without its last byte", "zeros after it")  # all records are there
    assert silent or "metrics.jsonl is lost or damaged" in caplog.text
    assert len(caplog.messages) <= 1


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_study_is_told_and_written_anew(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    study = Study(words=["seed=0"], rows={"a": None, "b": None}, seeds=[0, 1])
    jobs = tuple(study_jobs(study, tmp_path))
    folder = StudyFolder(tmp_path, "mine", study, (), jobs)
    folder.begin()
    whole = (tmp_path / "study.json").read_text()
    damage(tmp_path / "study.json", kind, random.Random(kind))
    assert status.main([str(tmp_path)]) in (0, 1)
    there = outcome(lambda: read_study_folder(tmp_path))
    assert isinstance(there, StudyFolder) or str(tmp_path) in str(there)
    again = outcome(folder.begin)
    if isinstance(there, str) and kind != "a folder":
        assert again is None
        assert (tmp_path / "study.json").read_text() == whole
        assert kind in ("missing", "a pipe", "a link to nothing") or "damaged" in caplog.text


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_table_is_told(kind: str, tmp_path: Path) -> None:
    JsonTracker(tmp_path).table("angles", ["angle", "accuracy"], [[a, 0.5] for a in range(9)])
    damage(path := tmp_path / "tables" / "angles.csv", kind, random.Random(0))
    found = outcome(lambda: read_table(path, "measure again"))
    assert isinstance(found, list) or "angles.csv" in str(found)


def test_a_result_of_another_shape_is_not_done(tmp_path: Path) -> None:
    for wrong in ({"test/accuracy": "x"}, {"seconds/train": None}, {"a": [1]}, {"epochs": True}):
        (tmp_path / "result.json").write_text(json.dumps(wrong))
        assert not is_done(tmp_path)
