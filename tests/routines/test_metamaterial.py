"""The routine: what it leaves behind, that it goes on where it was cut short, and refusals."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from routines.metamaterial.study import Settings, Study
from tests.terminal import Answer, Terminal
from tracking import JsonTracker

SMALL = (
    *("routine=metamaterial", "tracking=none", "dataset.num=40", "dataset.size=16"),
    *("train.epochs=1", "train.batch_size=14", "routine.nets=[cnn,d4_shift]"),
    *("routine.hidden_channels.cnn=3", "routine.hidden_channels.d4_shift=2"),
)


@pytest.fixture
def routine(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Answer]:
    """A study in the folder `run`."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return lambda *words: terminal(*SMALL, f"hydra.run.dir={tmp_path / 'run'}", *words)


def read(path: Path) -> list[list[str]]:
    with path.open() as file:
        return list(csv.reader(file))


def trials_of(folder: Path) -> list[dict[str, str]]:
    """The rows of a study's trainings."""
    head, *rows = read(folder / "tables" / "trials.csv")
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_a_study_leaves_tables_and_figures_and_goes_on(
    routine: Callable[..., Answer], terminal: Terminal, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    answer = routine(
        "routine.augmentations=[all]", "routine.train_sizes=[14,28]", "routine.repeats=2"
    )
    assert answer.status == 0, answer.err
    result = json.loads((folder / "result.json").read_text())
    trials = trials_of(folder)
    assert len(trials) == result["trainings"] == 2 * 2 * 2
    assert {int(trial["cells"]) for trial in trials} == {14, 28}
    for trial in trials:
        steps = int(trial["epochs"]) * int(trial["cells"]) // 14
        assert steps == (1 if trial["cells"] == "14" else 2)
    errors = [
        float(trial["test/loss"])
        for trial in trials
        if (trial["net"], trial["cells"]) == ("d4_shift", "28")
    ]
    assert len(set(errors)) == 2, "every repeat has a split and an initialisation of its own"
    assert result["mse/d4_shift/all/28"] == pytest.approx(sum(errors) / 2)
    assert "saving/d4_shift/all/14" in result
    head, *rows = read(folder / "tables" / "mse.csv")
    assert head == ["net", "all"]
    assert [row[0] for row in rows] == ["cnn", "d4_shift"]
    assert rows[1][1].startswith(f"{sum(errors) / 2:.4g} ± ")
    drawn = {path.stem for path in (folder / "figures").glob("*.png")}
    each = {f"{kind}_{net}" for kind in ("parity", "worst") for net in ("cnn", "d4_shift")}
    assert drawn == {"learning", "convergence", *each}

    (folder / "result.json").unlink()  # as if it had been stopped within the last training
    last, kept = folder / "d4_shift-all-28-1", folder / "cnn-all-14-0" / "result.json"
    shutil.rmtree(last)
    before = kept.stat().st_mtime_ns
    answer = terminal(f"train.resume={folder}")
    assert answer.status == 0, answer.err
    assert json.loads((folder / "result.json").read_text()) == pytest.approx(result)
    assert kept.stat().st_mtime_ns == before
    said = answer.out + answer.err
    assert "8 of 8: d4_shift-all-28-1" in said
    assert "7 of 8" not in said


def test_trainings_of_all_sizes_have_the_same_steps(
    routine: Callable[..., Answer], tmp_path: Path
) -> None:
    words = "routine.augmentations=[none]", "routine.train_sizes=[14,28]", "routine.repeats=1"
    answer = routine(*words, "routine.nets=[d4_shift]", "routine.steps=4")
    assert answer.status == 0, answer.err
    trials = trials_of(tmp_path / "run")
    assert [(trial["cells"], trial["epochs"]) for trial in trials] == [("14", "4"), ("28", "2")]


def test_folds_take_turns(tmp_path: Path) -> None:
    """The words of every repeat; what they do is `test_folds_test_every_cell_once`."""
    said: list[dict[str, str]] = []

    def build(*words: str) -> SimpleNamespace:
        said.append(dict(word.split("=", 1) for word in words))
        parts = {"model": None, "task": None, "splits": None}
        return SimpleNamespace(trainer=SimpleNamespace(seed=7), **parts)

    given = {"nets": ["cnn"], "hidden_channels": {"cnn": 3}, "augmentations": ["flip"]}
    given |= {"train_sizes": [], "repeats": 6, "steps": None, "words": ["net.pools=[0]"]}
    study = Study(build, JsonTracker(tmp_path), tmp_path, False, Settings(**given, folds=4))
    said.clear()
    for trial in study.trials:
        study.parts(trial)
    keys = "dataset.split_seed", "dataset.folds", "seed"
    expected = [[str(repeat), "4", str(7 + repeat)] for repeat in range(6)]
    assert [[words[key] for key in keys] for words in said] == expected
    assert {words["dataset.augment_flip"] for words in said} == {"True"}
    assert {words["dataset.augment_shift"] for words in said} == {"False"}
    assert not [words for words in said if "dataset.train_size" in words], "as the data set says"
    assert said[0]["net.pools"] == "[0]"


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("routine.nets=[cnm]", "routine.nets[0]=cnm: should be 'cnn'"),
        ("routine.augmentations=[flips]", "routine.augmentations[0]=flips: should be 'none'"),
        ("routine.train_sizes=[14,29]", "dataset.train_size=29: only 28 are not held out"),
        ("routine.nets=[]", "routine.nets, routine.augmentations: should name at least one"),
        ("routine.train_sizes=[9,9]", "routine.train_sizes: names 9 more than once"),
        ("routine.folds=1", "routine.folds=1: should be greater than or equal to 2"),
        (
            'routine.words=["net.pool=[0]"]',
            "net.pool=[0]: net has no pool, only",
        ),
    ],
)
def test_what_cannot_be_is_told_in_a_line(
    routine: Callable[..., Answer], word: str, reason: str
) -> None:
    answer = routine(word, "debug=True")
    assert answer.status == 1
    said = answer.out + answer.err
    assert [line for line in said.splitlines() if reason in line], said
    assert "Traceback" not in said
    assert "1 of" not in said, "before anything is trained"
