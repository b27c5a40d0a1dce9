"""The jobs of the fake Slurm: their folders, their options, their processes."""

import json
import os
import re
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(os.environ.get("FAKE_SLURM", os.devnull))
MINUTE = float(os.environ.get("FAKE_SLURM_MINUTE", "60"))
LOOK = 0.05  # seconds between looks at what has happened
PATIENCE = 10.0  # seconds from SIGTERM to SIGKILL
FLAGS = ("unbuffered", "requeue", "exclusive", "parsable", "label", "noheader", "parsable2")
OPTIONAL = ("kill-on-bad-exit",)  # their value stands after = if anywhere
SHORT = {"n": "ntasks", "N": "nodes", "o": "output", "e": "error", "J": "job-name", "j": "jobs"}
SHORT |= {"t": "time", "a": "array", "h": "noheader", "K": "kill-on-bad-exit", "s": "signal"}
SHORT |= {"c": "cpus-per-task", "u": "unbuffered", "p": "partition"}


def parsed(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The options of a command and what follows them."""
    found: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word.startswith("--"):
            name, given, value = word[2:].partition("=")
        else:
            name, value = SHORT.get(word[1], word[1]), word[2:].removeprefix("=")
            given = value
        if not given and name in (*FLAGS, *OPTIONAL):
            value = "1"
        elif not given:
            value = rest.pop(0)
        found[name] = f"{found[name]},{value}" if name == "jobs" and name in found else value
    return found, rest


def minutes(limit: str) -> float:
    """Slurm's time: minutes, minutes:seconds, hours:minutes:seconds, days-hours[:…]."""
    days, dash, clock = limit.rpartition("-")
    parts = [float(part) for part in clock.split(":")]
    if dash:
        parts = [*parts, 0.0, 0.0][:3]
    hours, whole, seconds = {1: (0, *parts, 0), 2: (0, *parts), 3: tuple(parts)}[len(parts)]
    return float(days or 0) * 1440 + hours * 60 + whole + seconds / 60


def jobs() -> dict[str, Path]:
    """The folders of all jobs, by their ids as Slurm shows them."""
    folders = sorted((path for path in ROOT.iterdir() if path.name.isdigit()), key=_number)
    return {told(path)["shown"]: path for path in folders if (path / "job.json").exists()}


def _number(path: Path) -> int:
    return int(path.name)


def told(folder: Path) -> dict[str, str]:
    """What was said of a job."""
    return json.loads((folder / "job.json").read_text())


def named(ids: str) -> Iterator[tuple[str, Path]]:
    """The jobs of a list of ids: raw ones, of an array's task, of a whole array."""
    for one in ids.split(","):
        for shown, folder in jobs().items():
            if one in (shown, folder.name, shown.partition("_")[0]):
                yield shown, folder


def written(path: Path, text: str) -> None:
    """Write a file at once."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    fresh.write_text(text)
    fresh.replace(path)


def processes(**variables: str) -> list[int]:
    """The processes that were started with these variables."""
    asked = {f"{name}={value}".encode() for name, value in variables.items()}
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if asked <= set((path / "environ").read_bytes().split(b"\0")):
                found.append(int(path.name))
        except OSError:  # it has ended, or is not ours
            continue
    return [pid for pid in found if pid != os.getpid()]


def tell(pids: Sequence[int], number: int) -> None:
    """Send a signal to those that are still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def nodes_of(options: Mapping[str, str]) -> tuple[int, int]:
    """How many nodes and tasks are asked for."""
    nodes, each = int(options.get("nodes", 1)), options.get("ntasks-per-node")
    return nodes, int(options.get("ntasks", nodes * int(each or 1)))


def variables(options: Mapping[str, str], raw: str) -> dict[str, str]:
    """What Slurm tells the batch script or a step, but for the tasks' own ranks."""
    nodes, tasks = nodes_of(options)
    names = "127.0.0.1" if nodes == 1 else f"127.0.0.[1-{nodes}]"
    found = {"JOB_ID": raw, "JOBID": raw, "JOB_NAME": options.get("job-name", "job")}
    found |= {"JOB_NUM_NODES": str(nodes), "NNODES": str(nodes), "NTASKS": str(tasks)}
    found |= {"NPROCS": str(tasks), "JOB_NODELIST": names, "NODELIST": names}
    for name in ("ntasks-per-node", "cpus-per-task"):
        if name in options:
            found[name.upper().replace("-", "_")] = options[name]
    return {f"SLURM_{name}": value for name, value in found.items()}


def place(pattern: str, **marks: str) -> str:
    """A file's name with its %A, %a, %j, %t filled in."""
    return re.sub(r"%([Aajt])", lambda match: marks.get(match[1], match[0]), pattern)


def tasks_of(folder: Path) -> list[int]:
    """The processes that signals go to: those that srun has started, not their children."""
    return [int(path.name) for path in (folder / "steps").iterdir() if path.name.isdigit()]


def signal_named(name: str) -> int:
    return int(name) if name.isdigit() else signal.Signals[f"SIG{name.removeprefix('SIG')}"]
