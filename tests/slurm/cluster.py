"""The fake Slurm of `tests.slurm.commands` as tests use it: the fixture `slurm`."""

import json
import os
import shlex
import signal
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.slurm.commands import COMMANDS
from tests.slurm.jobs import processes, tell

__all__ = ["Cluster"]

ROOT = Path(__file__).parents[2]
CALL = (
    "import sys; sys.path.insert(0, {root!r}); import tests.slurm.commands as c; sys.exit(c.main())"
)


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
            call = shlex.join([sys.executable, "-SE", "-c", CALL.format(root=str(ROOT)), name])
            command.write_text(f'#!/bin/sh\nexec {call} "$@"\n')
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
        return processes(FAKE_SLURM=str(self.folder))

    def end(self) -> None:
        """Leave no process behind."""
        until = time.monotonic() + 10
        while (left := self.processes()) and time.monotonic() < until:
            tell(left, signal.SIGKILL)
            time.sleep(0.05)
