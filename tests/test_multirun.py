"""Sweeps: every job in its own folder, failures told at the end, nothing done twice."""

import os
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing import active_children
from pathlib import Path

import pytest
import yaml

from command_line import job
from tests.terminal import Terminal
from tests.test_main import TINY, epochs


@pytest.mark.parametrize("launcher", ["basic", pytest.param("joblib", marks=pytest.mark.slow)])
def test_one_failing_job_does_not_stop_the_others(
    launcher: str, terminal: Terminal, tmp_path: Path
) -> None:
    words = [f"hydra/launcher={launcher}", *TINY, f"hydra.sweep.dir={tmp_path}"]
    answer = terminal("-m", "base_group=T2,SE2", *words)
    assert answer.status == 1
    (done,) = tmp_path.glob("*/result.json")
    assert "base_group=SE2" in done.parent.name
    assert f"1 of 2 jobs have a result in {os.path.relpath(tmp_path)}" in answer.out
    (failed,) = (line for line in answer.out.splitlines() if line.startswith("failed: "))
    assert "base_group=T2" in failed
    assert "Traceback" not in answer.out + answer.err
    log = next(tmp_path.glob("*base_group=T2*/main.log")).read_text()
    assert "num_samples=4" in log


def test_what_is_done_is_skipped_and_what_is_torn_goes_on(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And jobs share their processes, with what these have imported, in one sweep and the next."""
    write_config, write_result, loaded = job.write_config, job.write_result, []

    def look(write: Callable[..., None], *given: object) -> None:
        write(*given)
        loaded.append(set(sys.modules))

    monkeypatch.setattr(job, "write_config", partial(look, write_config))
    monkeypatch.setattr(job, "write_result", partial(look, write_result))
    words = ["-m", "seed=0,1", *TINY[:-1], f"hydra.sweep.dir={tmp_path}", "train.epochs=2"]
    assert terminal(*words).status == 0
    first, second = sorted(tmp_path.glob("*/result.json"))
    first.unlink()  # as if the process had been killed after its last checkpoint
    before = second.stat().st_mtime_ns
    answer = terminal(*words)
    assert answer.status == 0
    assert second.stat().st_mtime_ns == before
    assert answer.out.count("skipped, it has a result: ") == 1
    assert sorted(set(epochs(first.parent))) == [1, 2]
    assert "epoch 1/2" not in answer.out, "the torn job has started anew"
    assert first.exists()
    assert loaded[-1] == loaded[-2], "the last job has imported something"
    workers = []
    for _ in range(2):
        assert terminal(*words, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2").status == 0
        workers.append({each.pid for each in active_children() if "Loky" in each.name})
    assert workers[0] == workers[1]
    assert len(workers[0]) == 2
    logs = sorted(tmp_path.glob("*/main.log"))
    assert [log.read_text().count("skipped, it has") for log in logs] == [2, 3]


def test_a_result_of_other_settings_is_not_taken_for_this_one(
    terminal: Terminal, tmp_path: Path
) -> None:
    words = ["-m", *TINY, f"hydra.sweep.dir={tmp_path}", "hydra.sweep.subdir=${hydra.job.num}"]
    assert terminal(*words, "seed=0").status == 0
    kept = (tmp_path / "0" / "config.yaml").read_text()
    answer = terminal(*words, "seed=1")
    assert "seed=1: the run in " in answer.out
    assert (tmp_path / "0" / "config.yaml").read_text() == kept


def test_odd_and_long_words_make_folders(terminal: Terminal, tmp_path: Path) -> None:
    tags = ",".join(f"tag{number}" for number in range(60))
    answer = terminal(
        "-m",
        "debug=True",
        *TINY[1:],
        f"tracking.tags=[{tags},'a/b']",
        f"hydra.sweep.dir={tmp_path}",
    )
    assert answer.status == 0, answer.out
    (result,) = tmp_path.glob("*/result.json")
    assert (
        len(yaml.safe_load((result.parent / "config.yaml").read_text())["tracking"]["tags"]) == 61
    )


def test_a_sweep_cannot_resume_one_run(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.pt").touch()
    answer = terminal("-m", "seed=0,1", f"train.resume={tmp_path}")
    assert (answer.status, answer.err.partition(":")[0]) == (1, "train.resume")
