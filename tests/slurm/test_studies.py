"""Studies and sweeps on Slurm: the same results as on one machine, also past a time limit."""

import threading
import time
from pathlib import Path

import pytest
import yaml

from composition import CONFIG_FOLDER
from tests.slurm.cluster import Cluster
from tests.studies.test_running_a_study import results
from tests.terminal import Terminal
from tests.test_main import TINY

SLURM = ["hydra/launcher=submitit_slurm", "hydra.launcher.timeout_min=9"]
STUDY = """\
# @package study
words: [{words}]
rows:
  short: {{words: [train.epochs=1]}}
  long: {{words: [train.epochs=12]}}
seeds: [0]
"""


class Limit(threading.Thread):
    """Lets the time of a job be up, once a run's log says something."""

    def __init__(self, slurm: Cluster, run: Path, said: str, *, number: int = 0) -> None:
        super().__init__(daemon=True)
        self.slurm, self.log, self.said, self.number = slurm, run / "main.log", said, number
        self.start()

    def run(self) -> None:
        """Look until it is so."""
        until = time.monotonic() + 240
        while time.monotonic() < until:
            if self.log.exists() and self.said in self.log.read_text():
                self.slurm.time_is_up(self.slurm.jobs()[self.number])
                return
            time.sleep(0.02)


def logs(folder: Path) -> str:
    """What the jobs of a study or sweep have said."""
    return "".join(path.read_text() for path in sorted((folder / ".submitit").rglob("*.out")))


def test_our_defaults_are_taken_and_can_be_overridden(terminal: Terminal) -> None:
    from hydra_plugins.hydra_submitit_launcher.config import SlurmQueueConf

    words = ["hydra/launcher=submitit_slurm", "--cfg", "hydra", "-p", "hydra.launcher"]
    told = yaml.safe_load(terminal(*words, "hydra.launcher.timeout_min=7").out)
    file = CONFIG_FOLDER / "hydra" / "launcher" / "submitit_slurm.yaml"
    ours = yaml.safe_load(file.read_text())
    assert ours.keys() == SlurmQueueConf.__dataclass_fields__.keys(), "a key is not documented"
    kept = {key for key in ours if "${" not in str(ours[key])} - {"timeout_min"}
    assert {key: told[key] for key in kept} == {key: ours[key] for key in kept}
    assert told["timeout_min"] == 7
    assert told["max_num_timeout"] > 0, "a job whose time is up would not be queued again"
    wrong = terminal(*words, "hydra.launcher.timeot_min=7")
    assert wrong.status == 1
    assert "timeot_min" in wrong.err


@pytest.mark.slow
def test_a_study_of_which_a_run_is_past_its_time(
    terminal: Terminal, slurm: Cluster, tmp_path: Path
) -> None:
    """It is queued again in the middle of its training, and ends with the same bits."""
    (tmp_path / "cfg" / "study").mkdir(parents=True)
    text = STUDY.format(words=", ".join(f"'{word}'" for word in TINY[:-1]))
    (tmp_path / "cfg" / "study" / "mine.yaml").write_text(text)
    words = ["--config-dir", str(tmp_path / "cfg"), "study=mine"]
    assert terminal(*words, f"hydra.sweep.dir={tmp_path}/here").status == 0
    Limit(slurm, tmp_path / "there" / "long" / "seed=0", "epoch 1/12", number=1)
    answer = terminal(*words, f"hydra.sweep.dir={tmp_path}/there", *SLURM)
    assert answer.status == 0, answer.out
    assert results(tmp_path / "there") == results(tmp_path / "here")
    assert [slurm.restarts(job) for job in slurm.jobs()] == [0, 1]
    assert "SIGUSR2: saving after this step" in logs(tmp_path / "there")
    assert "(49 remaining timeouts)" in logs(tmp_path / "there")
    log = (tmp_path / "there" / "long" / "seed=0" / "main.log").read_text()
    assert log.count("epoch 1/12") == 1, "it has started anew"
