"""A sweep in joblib's processes that is stopped: all of them save, and none is left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import main
from interruption import GO_ON
from tests.slurm.cluster import Cluster
from tests.terminal import Terminal
from tests.test_main import TINY


def wait_for(reached: Callable[[], object], seconds: float = 240) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_the_workers_of_a_driver_that_is_stopped_save_and_end(
    number: signal.Signals, terminal: Terminal, slurm: Cluster, tmp_path: Path
) -> None:
    """(`slurm` knows all processes that were started here, by a variable that they inherit.)"""
    place = ["tracking=none", *TINY[1:-1], "train.epochs=3000", f"hydra.sweep.dir={tmp_path}/out"]
    words = ["-m", "seed=0,1,2,3", "hydra.sweep.subdir=${seed}", *place]
    joblib = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    told = tmp_path / "told.txt"
    with told.open("w") as file:
        command = [sys.executable, main.__file__, *words, *joblib]
        driver = subprocess.Popen(command, stdout=file, stderr=file)
    runs = [tmp_path / "out" / str(seed) for seed in range(4)]
    wait_for(lambda: all((run / "metrics.jsonl").exists() for run in runs[:2]))
    driver.send_signal(number)
    assert driver.wait(timeout=120) == (GO_ON if number == signal.SIGTERM else -number)
    wait_for(lambda: not slurm.processes(), 60)
    for run in runs[:2]:
        assert "stopped " in (run / "main.log").read_text()
        assert "train.resume=" in (run / "main.log").read_text()
    assert not any((run / "config.yaml").exists() for run in runs[2:]), "a further job was begun"
    if number == signal.SIGTERM:
        said = f"with hydra.sweep.dir={os.path.relpath(tmp_path)}/out the same words continue"
        assert told.read_text().splitlines()[-1] == f"interrupted; {said}"
