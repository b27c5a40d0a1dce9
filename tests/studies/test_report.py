"""The report of a study: tables, verdicts, what fails in it, what its tracker gets; progress."""

import csv
import json
import logging
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from measures.measure import Measured
from run_folder import claim
from studies import report as module
from studies.folder import StudyFolder
from studies.report import report
from tests.studies.fabricated import fabricated

STUDY = {
    "title": "A study",
    "words": ["tracking=none"],
    "rows": {
        "a": {"words": ["dataset=one"], "published": 0.95, "source": "[C]"},
        "b": {"words": ["dataset=one"]},
        "c": {"words": ["dataset=two"], "note": "of other data"},
        "d": {"words": ["dataset=two"]},
        "e": {},
    },
    "seeds": [0, 1],
    "report": "fabricated",
}
COST = {"parameters": 70, "seconds/train": 3.0, "seconds/run": 10.0}
RESULTS: dict[str, Any] = {
    "a": {0: {"test/accuracy": 0.90, **COST}, 1: {"test/accuracy": 0.92, **COST}},
    "b": {0: {"test/accuracy": 0.80, **COST}, 1: {"test/accuracy": 0.84, **COST}},
    "c": {0: {"test/accuracy": None, **COST}},
    "d": {0: {"test/other": 1.0, **COST}},
}


class Recorder:
    """A tracker that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def table(self, name: str, columns: Any, rows: Any) -> None:  # noqa: ANN401
        """Keep a table's name."""
        self.told.append(name)

    def image(self, name: str, path: Path) -> None:
        """Keep a picture's name, which must be there."""
        assert path.is_file()
        self.told.append(name)

    def finish(self, result: Any) -> None:  # noqa: ANN401
        """Keep the result."""
        self.told.append(dict(result))


def own_report(runs: Any, figures: Path, **settings: object) -> Measured:  # noqa: ANN401
    """A study's own figures."""
    picture = figures / "own.png"
    picture.write_bytes(b"\x89PNG")
    return Measured({"best": 0.5}, {"own": (["x"], [[0.25]])}, [picture])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyFolder:
    """The study of this file, with a report of its own."""
    monkeypatch.setitem(
        sys.modules, "studies.reports.fabricated", SimpleNamespace(report=own_report)
    )
    (tmp_path / "figures").mkdir()
    return fabricated(tmp_path, STUDY, RESULTS)


def table(folder: StudyFolder, name: str) -> list[list[str]]:
    """A table that was written."""
    with (folder.path / "tables" / f"{name}.csv").open(newline="") as file:
        return list(csv.reader(file))


def test_rows_stand_beside_what_was_published_and_pairs_are_of_the_same_data(
    folder: StudyFolder,
) -> None:
    text = report(folder)
    head, *rows = table(folder, "rows")
    assert head == [
        *("row", "published", "test/accuracy", "std", "seeds"),
        *("parameters", "seconds", "source", "note"),
    ]
    assert rows[0] == ["a", "0.9500", "0.9100", "0.0141", "2", "70", "3", "[C]", "-"]
    assert [row[2] for row in rows] == ["0.9100", "0.8200", "nan", "-", "not run"]
    differences = table(folder, "differences")[1:]
    assert [row[0] for row in differences] == ["b - a"], "c and d are of other data"
    assert differences[0][1] == "-0.0900"
    assert "| best |" not in text
    assert "**own**\n\n| x |\n| --- |\n| 0.25 |" in text
    about = json.loads(
        (folder.path / "report.json").read_text(),
        parse_constant=lambda name: pytest.fail(f"{name} is no JSON"),
    )
    assert about["rows"]["a"]["mean"] == pytest.approx(0.91)
    assert about["rows"]["c"]["mean"] is None
    assert about["best"] == 0.5
    assert (folder.path / "figures" / "rows.svg").is_file()


def test_further_figures_stand_beside_the_metric(tmp_path: Path) -> None:
    """As mean ± standard deviation, as a number of one run, and as none of those without it."""
    results = {
        "a": {0: {"test/accuracy": 0.9, "defect": 0.2}, 1: {"test/accuracy": 0.9, "defect": 0.4}},
        "b": {0: {"test/accuracy": 0.9, "defect": 0}, 1: {"test/accuracy": 0.9}},
        "c": {0: {"test/accuracy": 0.9}},
    }
    folder = fabricated(tmp_path, {**STUDY, "report": None, "columns": ["defect"]}, results)
    assert "0.3000 ± 0.1414" in report(folder)
    head, *rows = table(folder, "rows")
    cells = [row[head.index("defect")] for row in rows]
    assert cells == ["0.3000 ± 0.1414", "0.0000", "-", "-", "-"]


def test_pairs_are_those_of_the_claims(tmp_path: Path) -> None:
    claims = ["a >= 0.5", "a > c + 0.1", "b < a"]
    report(fabricated(tmp_path, {**STUDY, "claims": claims, "report": None}, RESULTS))
    here = StudyFolder(tmp_path, "", None, (), ())  # type: ignore[arg-type]
    assert [row[0] for row in table(here, "differences")[1:]] == ["a - c", "b - a"]
    verdicts = {row[0]: row[1] for row in table(here, "claims")[1:]}
    assert verdicts["a > c + 0.1"] == "undecided"


def test_the_tracker_of_the_study_gets_it_all(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    monkeypatch.setattr(module, "study_tracker", lambda of: recorder)
    report(folder)
    *told, result = recorder.told
    assert told == ["rows", "differences", "own", "figures/rows", "figures/own"]
    assert result["a/test/accuracy"] == pytest.approx(0.91)
    assert result["best"] == 0.5
    assert "e/test/accuracy" not in result


def test_the_tracker_is_that_of_the_studys_words_in_the_group_of_its_runs(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import tracking

    given: dict[str, Any] = {}

    class Told(tracking.JsonTracker):
        def __init__(self, run_folder: Path, **settings: Any) -> None:  # noqa: ANN401
            given.update(settings)
            super().__init__(run_folder)

    def tracker(*further: str) -> object:
        study = fabricated(folder.path / "x", {**STUDY, "words": ["train.epochs=1"]}, {})
        return module.study_tracker(
            StudyFolder(study.path, study.name, study.study, further, study.jobs)
        )

    assert type(tracker("tracking=none", "dataset=nowhere")) is tracking.JsonTracker
    monkeypatch.setattr(module, "components", lambda config: {"tracking": Construct(Told, config)})
    assert isinstance(tracker("tracking.project=mine"), Told)
    assert given["project"] == "mine"
    assert given["group"] == f"{folder.path.name}/x"
    assert given["config"]["study"]["title"] == "A study"
    monkeypatch.undo()
    with caplog.at_level(logging.WARNING):
        assert isinstance(tracker("tracking.projekt=mine"), tracking.JsonTracker)
    assert "the report is written, but not logged: " in caplog.text


class Construct:
    """A section `tracking` that makes another tracker."""

    def __init__(self, kind: type, config: Any) -> None:  # noqa: ANN401
        self.kind, self.project = kind, config.tracking.project

    def construct(self, given: dict[str, Any], _: object) -> object:
        """Make it."""
        return self.kind(**given, project=self.project)


def test_an_own_report_that_fails_costs_one_line(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> Measured:
        raise KeyError("angles/unseen\nof a row")

    monkeypatch.setattr(sys.modules["studies.reports.fabricated"], "report", fail)
    assert "| a | 0.9500 |" in report(folder)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("studies/reports/fabricated.py has failed: KeyError")
    assert "\n" not in record.getMessage()


def test_the_time_left_is_that_of_the_rows_and_of_what_runs_at_once(tmp_path: Path) -> None:
    slow = {"test/accuracy": 0.9, "seconds/run": 100.0}
    results = {"a": {0: slow}, "b": {0: {**slow, "seconds/run": 20.0}}}
    rows = {"a": {}, "b": {}, "c": {}}
    folder = fabricated(tmp_path, {"rows": rows, "seeds": [0, 1]}, results)
    assert folder.progress().endswith("2 of 6 runs done, about 0:04:00 to go"), "100 + 20 + 2 * 60"
    assert folder.progress(["a/seed=0", "b/seed=1"]) == "1 of 2 runs done, about 0:00:20 to go"
    assert folder.progress(ended=2).endswith("about 0:02:00 to go")
    place = tmp_path / "a" / "seed=1"
    place.mkdir()
    (place / "config.yaml").write_text("{}\n")
    started = time.time() - 40
    os.utime(place / "config.yaml", (started, started))
    with claim(place):
        assert folder.progress(ended=1).endswith("about 0:01:40 to go"), "(60 + 20 + 2 * 60) / 2"
