"""One run on several machines: torchrun's agents on the loopback address, and tasks of srun."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import main
from run_folder import read_result
from tests.slurm.cluster import Cluster
from tests.terminal import Terminal
from tests.test_main import TINY
from tests.together.test_starting import without_seconds

WORDS = [*TINY[:-1], "train.epochs=20", "train.batch_size=30"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]


def begin(*command: str) -> subprocess.Popen[str]:
    """Start a command, which is killed with all that it started by `end`."""
    return subprocess.Popen(
        command,
        cwd=Path(main.__file__).parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def free_port() -> int:
    """One that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def two_machines(folder: Path) -> list[subprocess.Popen[str]]:
    """Two agents with a process each."""
    meet = [f"--rdzv-endpoint=127.0.0.1:{free_port()}", "--rdzv-backend=c10d", "--rdzv-id=test"]
    words = [*WORDS, f"hydra.run.dir={folder}"]
    command = [*TORCHRUN, "--nnodes=2", "--nproc-per-node=1", *meet, main.__file__, *words]
    return [begin(*command) for _ in range(2)]


def children(pid: int) -> list[int]:
    """The processes that one has started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(each) for each in listed.split()]


def wait_for_epochs(folder: Path, number: int) -> None:
    """Until so many epochs are recorded."""
    records, until = folder / "metrics.jsonl", time.monotonic() + 240
    while not (records.exists() and len(records.read_text().splitlines()) >= number):
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
def test_a_machine_that_dies_ends_the_others_and_the_same_command_goes_on(
    tmp_path: Path, terminal: Terminal
) -> None:
    folder = tmp_path / "run"
    first, second = two_machines(folder)
    wait_for_epochs(folder, 2)
    for pid in [*children(second.pid), second.pid]:
        os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    said, _ = first.communicate(timeout=60)
    assert time.monotonic() - killed < 60
    assert first.returncode
    ours = [line for line in said.splitlines() if "another process of this training" in line]
    assert len(ours) == 1, said
    second.communicate()
    again = two_machines(folder)
    told = [process.communicate(timeout=280)[0] for process in again]
    assert [process.returncode for process in again] == [0, 0], told
    assert terminal(*WORDS, f"hydra.run.dir={tmp_path}/alone").status == 0
    one, many = (without_seconds(read_result(each)) for each in (tmp_path / "alone", folder))
    assert many == pytest.approx(one, rel=1e-3, abs=1e-6)


@pytest.mark.slow
def test_tasks_of_srun_train_together_and_ask_for_more_time(
    tmp_path: Path, slurm: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "job.sh"
    script.write_text(
        "#!/bin/sh\n"
        "#SBATCH --nodes=2\n#SBATCH --ntasks-per-node=1\n#SBATCH --time=10\n"
        "#SBATCH --signal=USR1@120\n#SBATCH --open-mode=append\n"
        f"#SBATCH --output={tmp_path}/said\n"
        f"srun {sys.executable} {main.__file__} {' '.join(WORDS)}\n"
    )
    monkeypatch.setenv("OUTPUT_DIR", str(tmp_path))
    answer = subprocess.run(["sbatch", str(script)], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("Submitted")
    until = time.monotonic() + 240
    while not (found := list((tmp_path / "slurm").glob("*"))):
        assert time.monotonic() < until
        time.sleep(0.05)
    wait_for_epochs(found[0], 2)
    (job,) = slurm.jobs()
    slurm.time_is_up(job)
    while slurm.state(job) != "COMPLETED":
        assert time.monotonic() < until, (tmp_path / "said").read_text()
        time.sleep(0.05)
    said = (tmp_path / "said").read_text()
    assert slurm.restarts(job) == 1, said
    assert "asking Slurm to start job" in said
    records = [json.loads(line) for line in (found[0] / "metrics.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in records] == [*range(1, 21)]
    assert read_result(found[0])["epochs"] == 20
