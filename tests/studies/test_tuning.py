"""Tuning: which setting is chosen, what waits for it, and that no trial sees the test images."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from config_schema import ConfigError
from hydra_plugins.study_sweeper import StudySweeper
from partial_equiv.refusal import Refusal
from run_folder import read_overrides, write_result
from studies.folder import StudyFolder, read_study_folder
from studies.jobs import chosen, study_jobs, waves
from studies.report import report
from studies.study import read_study
from studies.tuned import chosen_settings, tuning_table
from studies.tuning import Tuning
from tests.studies.fabricated import fabricated
from tests.terminal import Terminal

SETTINGS = {"slow": ["rate=1"], "fast": ["rate=2"]}
STUDY: dict[str, Any] = {
    "words": ["tracking=none", "rate=0"],
    "rows": {"a": {"words": ["x=1"]}, "b": {"settings": {"low": ["y=1"], "high": ["y=2"]}}},
    "seeds": [0, 1],
    "tuning": {"settings": SETTINGS, "seed": 7},
}


def trials(**values: float | None) -> dict[str, dict[int, dict[str, Any]]]:
    """The results of the trials of row a, by setting."""
    return {f"a/tuning/{name}": {7: {"val/accuracy": each}} for name, each in values.items()}


@pytest.mark.parametrize(
    ("slow", "fast", "best"),
    [
        ({"val/accuracy": 0.8}, {"val/accuracy": 0.9}, "fast"),
        ({"val/accuracy": 0.9}, {"val/accuracy": 0.8, "test/accuracy": 1.0}, "slow"),
        ({"val/accuracy": 0.9}, {"val/accuracy": 0.9}, "slow"),  # the first of equal ones
        ({"val/loss": 0.9}, {"val/loss": 0.8}, "fast"),
        ({"val/loss": None}, {"val/loss": 9.0}, "fast"),
        ({"val/loss": None}, {"val/loss": float("inf")}, "slow"),
    ],
)
def test_the_validation_figure_chooses(
    slow: dict[str, Any], fast: dict[str, Any], best: str
) -> None:
    assert Tuning().best({"slow": slow, "fast": fast}) == best


def test_trials_without_a_common_figure_are_told() -> None:
    for results in ({"a": {}}, {"a": {"val/loss": 1}, "b": {"val/accuracy": 1}}):
        with pytest.raises(Refusal, match=r"^study.tuning.by: (a trial has none of|some trials)"):
            Tuning().best(results)


def test_a_rows_runs_wait_for_its_trials_and_take_the_words_of_the_best(tmp_path: Path) -> None:
    folder = fabricated(tmp_path, STUDY, trials(slow=0.5, fast=0.6))
    first, second = waves(folder.jobs)
    assert [job.name for job in first] == [
        *("a/tuning/slow/seed=7", "a/tuning/fast/seed=7"),
        *("b/tuning/low/seed=7", "b/tuning/high/seed=7"),
    ]
    assert first[0].words == ("tracking=none", "rate=1", "x=1", "test=False", "seed=7")
    assert [job.name for job in second] == ["a/seed=0", "a/seed=1", "b/seed=0", "b/seed=1"]
    again = read_study_folder(tmp_path)
    assert again.jobs == folder.jobs
    assert folder.words(second[1]) == ("tracking=none", "rate=2", "x=1", "seed=1")
    assert folder.choice(second[2]) is None, "its trials are not done"
    assert {job.row for job in chosen(folder.jobs, ["a"])} == {
        *("a", "a/tuning/slow", "a/tuning/fast")
    }


def test_further_words_count_more_than_a_setting() -> None:
    *_, job = study_jobs(read_study(STUDY), Path(), ["x=5", "rate=9"], seeds=[3])
    assert all("x=5" in words and "rate=9" in words for words in job.settings.values())


def test_a_trial_that_is_missing_or_damaged_costs_each_run_of_its_row_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = fabricated(tmp_path, STUDY, trials(slow=0.5))
    launched = launch(folder)
    assert launched[:3] == ["a/tuning/fast", "b/tuning/low", "b/tuning/high"]
    said = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert "not run: a/seed=0 needs a/tuning/fast/seed=7" in said
    assert len(said) == 4
    caplog.clear()
    for name in ("a/tuning/fast", "b/tuning/low", "b/tuning/high"):
        (place := tmp_path / name / "seed=7").mkdir(parents=True)
        write_result(place, {"val/accuracy": 0.5} if name != "b/tuning/low" else {"epochs": 1})
    assert [name for name in launch(folder) if "tuning" not in name] == ["a", "a"] * 2
    said = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert said[0].startswith("not run: b/seed=0: study.tuning.by: a trial has none of val/")


def launch(folder: StudyFolder) -> list[str]:
    """The rows that the sweeper launches, all of whose runs die."""
    launched: list[str] = []

    class Launcher:
        def launch(self, words: list[list[str]], initial_job_idx: int) -> None:
            launched.extend(
                each[-1].split("=", 1)[1].rpartition("/")[0].strip("'") for each in words
            )

    from omegaconf import OmegaConf

    sweeper = StudySweeper.__new__(StudySweeper)  # Hydra may have loaded its own base class anew
    sweeper.jobs = None
    sweeper.config = OmegaConf.create({"hydra": {"sweep": {"dir": str(folder.path)}}})
    sweeper.launcher = Launcher()  # type: ignore[assignment]
    sweeper.sweep([])
    return launched


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"b": {"settings": {"low": []}}},
            "study.rows.b.settings: 1, but a has 2; all try as many",
        ),
        ({"b": {"settings": {"a/b": [], "c": []}}}, "study.rows.b.settings: a/b: should be of let"),
        ({"b": {"without": {"c": "why"}}}, "study.rows.b.without.c: there is no such option"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=f"^{told}"):
        study_jobs(read_study({**STUDY, "rows": {"a": {}, **changes}}), Path())


def test_the_report_shows_trials_and_choices(tmp_path: Path) -> None:
    results: dict[str, Any] = trials(slow=0.5, fast=0.25) | {"a": {0: {"test/accuracy": 0.75}}}
    folder = fabricated(tmp_path, STUDY, results)
    assert chosen_settings(folder) == {"a": "slow", "b": None}
    assert tuning_table(folder)[1:] == [
        ["a", "val/accuracy", "slow: 0.5000, fast: 0.2500", "slow"],
        ["b", "-", "low: not run, high: not run", "-"],
    ]
    text = report(folder)
    assert "| a | val/accuracy | slow: 0.5000, fast: 0.2500 | slow |" in text
    about = json.loads((tmp_path / "report.json").read_text())
    assert about["tuning"] == {"a": "slow", "b": None}
    assert list(about["rows"]) == ["a", "b"]


def test_options_that_make_no_sense_with_a_row_are_left_out() -> None:
    study = {
        "rows": {"a": {}, "b": {"without": {"v": "b needs u"}}},
        "axes": {"data": {"u": [], "v": []}},
    }
    assert list(read_study(study).named_rows()) == ["a/u", "a/v", "b/u"]


def test_a_tuned_study_runs_from_the_command_line(terminal: Terminal, tmp_path: Path) -> None:
    """Trials have no test; the chosen words are those of the row's own run."""
    (tmp_path / "cfg" / "study").mkdir(parents=True)
    (tmp_path / "cfg" / "study" / "mine.yaml").write_text(
        "# @package study\n"
        "words: [tracking=none, dataset.train_size=40, base_group.num_samples=2,"
        " net.hidden_channels=2, 'net.widths=[1]', 'measure=[cost]', debug=True]\n"
        "rows: {a: {}}\n"
        "tuning: {settings: {none: [train.learning_rate=1e-5], some: [train.learning_rate=0.01]},"
        " by: {val/loss: lowest, val/accuracy: lowest}}\n"
    )
    words = ("--config-dir", str(tmp_path / "cfg"), f"hydra.sweep.dir={tmp_path}/out", "study=mine")
    refused = terminal(*words, "train.learning_rate=1")
    assert refused.status == 1
    assert "the rows differ in train.learning_rate" in refused.err
    answer = terminal(*words)
    assert answer.status == 0, answer.out + answer.err
    folder = read_study_folder(tmp_path / "out")
    results = {
        job.name: json.loads((folder.place(job) / "result.json").read_text()) for job in folder.jobs
    }
    for name, result in results.items():
        looked = [key for key in result if key.startswith(("test/", "cost/"))]
        assert bool(looked) == (name == "a/seed=0"), name
    assert not (folder.path / "a/tuning/some/seed=100/figures").exists()
    choice = chosen_settings(folder)["a"]
    rate = {"none": "train.learning_rate=1e-5", "some": "train.learning_rate=0.01"}[choice or ""]
    assert rate in read_overrides(folder.place(folder.jobs[-1]))
