"""Studies from the command line: waves, failures, parts, any launcher, and going on."""

import json
from pathlib import Path
from typing import Any

import pytest

from run_folder import read_overrides
from studies import status
from studies.folder import read_study_folder
from tests.terminal import Terminal

STUDY = """\
# @package study
# A study of the tests: one net, and one that learns from where it stopped.
words: [tracking=none, dataset.train_size=40, base_group.num_samples=4]
rows:
  {rows}
seeds: [0, 1]
claims: ["b >= a - 1", "a >= 2"]
"""
TINY = "net.hidden_channels=2, 'net.widths=[1]', train.epochs=1"
ROWS = f"""\
b: {{words: [{TINY}, 'tracking._target_=tracking.JsonTracker', 'train.learning_rate=0.02']}}
  a: {{words: [{TINY}], published: 0.5, source: "[U]"}}
  broken: {{words: [{TINY}, 'conv.kernel_size=4']}}"""


@pytest.fixture
def study(terminal: Terminal, tmp_path: Path) -> Any:  # noqa: ANN401
    """Run the study of this file; the answer and the study's folder."""
    (tmp_path / "cfg" / "study").mkdir(parents=True)
    (tmp_path / "cfg" / "study" / "mine.yaml").write_text(STUDY.format(rows=ROWS))

    def call(*words: str) -> Any:  # noqa: ANN401
        place = ["--config-dir", str(tmp_path / "cfg"), f"hydra.sweep.dir={tmp_path}/out"]
        return terminal(*place, "study=mine", *words), read_study_folder(tmp_path / "out")

    return call


def results(folder: Path) -> dict[str, dict[str, Any]]:
    """The results of a study's runs but for their seconds, by folder."""
    return {
        str(path.parent.relative_to(folder)): {
            key: value
            for key, value in json.loads(path.read_text()).items()
            if not key.startswith("seconds/")
        }
        for path in sorted(folder.rglob("result.json"))
    }


def test_a_study_runs_reports_and_goes_on(study: Any) -> None:  # noqa: ANN401
    answer, folder = study("study.rows=[a]", "study.seeds=[1]")
    assert answer.status == 0, answer.err
    assert list(results(folder.path)) == ["a/seed=1"]
    before = results(folder.path)
    answer, folder = study()
    assert answer.status == 1, "one row cannot be built"
    assert set(results(folder.path)) == {f"{row}/seed={seed}" for row in "ab" for seed in (0, 1)}
    assert results(folder.path)["a/seed=1"] == before["a/seed=1"]
    assert "seed=1" in read_overrides(folder.path / "a" / "seed=1")
    assert "Traceback" not in answer.out + answer.err
    assert "| a | 0.5000 | " in answer.out
    assert "| broken | - | not run |" in answer.out
    assert "| a >= 2 | " in answer.out
    assert "4 of 6 runs done, about 0:0" in answer.out
    report = (folder.path / "report.md").read_text()
    assert report.strip() in answer.out
    assert (folder.path / "tables" / "claims.csv").read_text().count("\n") == 3
    told = "\n".join(status.lines(folder))
    assert "failed   broken/seed=0: conv.kernel_size=4: " in told
    assert told.splitlines()[-2] == "study=mine: 4 done, 2 failed"
    again, _ = study("study.rows=[a,b]")
    assert again.status == 0
    assert "epoch 1/1" not in again.out, "what is done is not trained again"
    other, _ = study("train.batch_size=7")
    assert other.status == 1
    assert "further words" in other.err
    assert len(other.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("study.rows=[c*]", "study.rows=c*: fits no row, only b, a, broken"),
        ("study.seeds=[a]", "study.seeds[0]=a: should be an integer"),
        ("study.claims=['a > z']", "study.claims: a > z: there is no row z, only b, a, broken"),
        ("seed=3", "seed=3: each run of a study has its own, which study.seeds=[…] chooses"),
        (
            "train.learning_rate=0.5",
            "train.learning_rate=0.5: the rows differ in train.learning_rate, "
            "b has train.learning_rate=0.02; choose some with study.rows=[…], "
            "or write ++train.learning_rate=0.5 for all",
        ),
        ("++conv.kernel_size=two", "study row b: conv.kernel_size=two: should be "),
        ("net.hiden=3", "study row b: net.hiden=3: net has no hiden"),
    ],
)
def test_a_wrong_word_is_told_before_anything_is_written(
    words: str,
    complaint: str,
    terminal: Terminal,
    study: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    place = ["--config-dir", str(tmp_path / "cfg"), f"hydra.sweep.dir={tmp_path}/out"]
    answer = terminal(*place, "study=mine", words)
    assert answer.status == 1
    assert answer.err.startswith(complaint)
    assert not (tmp_path / "out").exists()
