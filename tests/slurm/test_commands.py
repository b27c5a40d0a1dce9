"""The fake Slurm does what the tests of the programs that use it rely on."""

import subprocess
import time
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster


def said(*words: str) -> str:
    """What a command prints."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def ended(slurm: Cluster) -> list[str]:
    """The states of all jobs, once none of them runs."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        states = [slurm.state(job) for job in slurm.jobs()]
        if not {"PENDING", "RUNNING", "COMPLETING"} & set(states):
            return states
        time.sleep(0.05)
    raise AssertionError(states)


def script(folder: Path, text: str) -> str:
    """A batch script in a file."""
    path = folder / "job.sh"
    path.write_text(f"#!/bin/bash\n{text}\n")
    return str(path)


def test_an_array_of_tasks(slurm: Cluster, tmp_path: Path) -> None:
    text = f"""#SBATCH --array=0-1%1
#SBATCH --nodes=2 --ntasks-per-node=2
#SBATCH --output={tmp_path}/%A_%a.txt
srun sh -c 'echo $SLURM_PROCID $SLURM_LOCALID $SLURM_NODEID $SLURM_NTASKS $SLURM_JOB_NODELIST'
"""
    number = said("sbatch", script(tmp_path, text)).split()[-1]
    assert said("squeue", "-h", "-j", number).split()[0] == f"{number}_0"
    assert ended(slurm) == ["COMPLETED", "COMPLETED"]
    for task in (0, 1):
        lines = sorted((tmp_path / f"{number}_{task}.txt").read_text().splitlines())
        assert lines == [f"{rank} {rank % 2} {rank // 2} 4 127.0.0.[1-2]" for rank in range(4)]
    assert f"{number}_1|COMPLETED|" in said("sacct", "-j", number)


def test_a_job_that_is_warned_of_its_limit_requeues_itself(
    slurm: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = "trap 'echo warned; scontrol requeue $SLURM_JOB_ID; exit 3' USR2; sleep 20 & wait"
    text = f"""#SBATCH --time=1 --signal=USR2@1 --output={tmp_path}/out.txt
echo start ${{SLURM_RESTART_COUNT:-0}}
[ "$SLURM_RESTART_COUNT" = 1 ] || srun bash -c "{inner}"
"""
    monkeypatch.setenv("FAKE_SLURM_MINUTE", "2")
    said("sbatch", script(tmp_path, text))
    assert ended(slurm) == ["COMPLETED"]
    kept = [line for line in (tmp_path / "out.txt").read_text().splitlines() if "srun" not in line]
    assert kept == ["start 0", "warned", "start 1"]
    assert slurm.restarts(slurm.jobs()[0]) == 1


def test_a_job_that_ignores_its_limit_is_killed(slurm: Cluster, tmp_path: Path) -> None:
    (job,) = [
        script(tmp_path, f"#SBATCH --output={tmp_path}/out.txt --signal=USR1@0\nexec sleep 60")
    ]
    said("sbatch", job)
    slurm.time_is_up(slurm.jobs()[0])
    assert ended(slurm) == ["TIMEOUT"]
    time.sleep(0.2)
    assert slurm.processes() == []


@pytest.mark.parametrize("flag", ["--kill-on-bad-exit=1", "--kill-on-bad-exit"])
def test_a_task_that_fails_ends_all(slurm: Cluster, flag: str) -> None:
    inner = "if [ $SLURM_PROCID = 1 ]; then exit 7; fi; exec sleep 60"
    done = subprocess.run(
        ["srun", "-n", "2", flag, "sh", "-c", inner], capture_output=True, check=False
    )
    assert done.returncode == 128 + 15
    assert b"task 1: exited with status 7" in done.stderr
    assert slurm.jobs() == []
