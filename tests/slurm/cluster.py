"""The fake Slurm as tests use it (the fixture `slurm` is in `conftest`); see `tests.slurm.fake`."""

import json
import os
import signal
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cluster"]

COMMANDS = ("sbatch", "srun", "sacct", "squeue", "scontrol", "scancel")
FAKE = Path(__file__).with_name("fake.py")


@dataclass(frozen=True)
class Cluster:
    """A cluster whose jobs are in a folder: its commands are on PATH while its fixture is there."""

    folder: Path

    def begin(self) -> dict[str, str]:
        """Write the commands; the variables with which they are found and work."""
        place = self.folder / "bin"
        place.mkdir()
        for name in COMMANDS:
            command = place / name
            command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -SE "{FAKE}" {name} "$@"\n')
            command.chmod(command.stat().st_mode | stat.S_IXUSR)
        path = os.pathsep.join([str(place), os.environ["PATH"]])
        first = 1000 + 16 * (os.getpid() % 500)  # a rendezvous has the last digits as its port
        return {"PATH": path, "FAKE_SLURM": str(self.folder), "FAKE_SLURM_FIRST": str(first)}

    def jobs(self) -> list[Path]:
        """The folders of the jobs, in order."""
        found = [path for path in self.folder.iterdir() if (path / "job.json").exists()]
        return sorted(found, key=lambda path: int(path.name))

    def restarts(self, job: Path) -> int:
        """How often a job has been started once more."""
        return int((job / "restarts").read_text())

    def state(self, job: Path) -> str:
        """RUNNING, COMPLETED, …"""
        return (job / "state").read_text()

    def name(self, job: Path) -> str:
        """Its id as Slurm shows it: 1000, or 1000_0 for a task of an array."""
        return str(json.loads((job / "job.json").read_text())["shown"])

    def time_is_up(self, job: Path) -> None:
        """Let the time limit of a job be as near as its warning, `--signal`, says."""
        (job / "time_is_up").touch()

    def processes(self) -> list[int]:
        """All that were started on this cluster and are still there."""
        mark = f"FAKE_SLURM={self.folder}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (path / "environ").read_bytes().split(b"\0"):
                    found.append(int(path.name))
            except OSError:  # it has ended, or is not ours
                continue
        return [pid for pid in found if pid != os.getpid()]

    def end(self) -> None:
        """Leave no process behind."""
        until = time.monotonic() + 10
        while (left := self.processes()) and time.monotonic() < until:
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.05)
