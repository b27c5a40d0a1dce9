"""A Slurm of one machine, for tests: sbatch, squeue, sacct, scancel, srun, scontrol.

Jobs are local processes that start at once; nodes are addresses of the loopback device. What can be
relied on is like the real one: the variables and the files of a job, its array and its requeueing
under the same id, signals, the time limit and its warning. A minute of a time limit lasts
FAKE_SLURM_MINUTE seconds (60 if it is not set); a job's time is up as well when its folder holds a
file `time_is_up`. The seconds of the warning, `--signal=USR1@10`, are real ones.

FAKE_SLURM/<raw id>/   job.json; state; restarts; steps/<task's process>; requests: requeue, cancel
"""

import json
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.slurm.jobs import (
    ROOT,
    jobs,
    named,
    parsed,
    signal_named,
    tasks_of,
    tell,
    told,
    written,
)
from tests.slurm.running import look_after
from tests.slurm.steps import srun

__all__ = ["COMMANDS", "main"]


def sbatch(words: Sequence[str]) -> int:
    """Note the job, start what looks after it, and say its id."""
    given, rest = parsed(words)
    script = Path(rest[0]).absolute()
    lines = re.findall(r"^#SBATCH\s+(.*)", script.read_text(), re.MULTILINE)
    options = parsed([part for line in lines for part in shlex.split(line, comments=True)])[0]
    options |= given
    first, _, most = options.pop("array", "").partition("%")
    low, _, high = first.partition("-")
    tasks = [str(each) for each in range(int(low), int(high or low) + 1)] if first else [""]
    with (ROOT / "ids").open("a+") as ids:  # appended to: two at once get different ones
        ids.write("x" * len(tasks))
        number = int(os.environ.get("FAKE_SLURM_FIRST", "1")) + ids.tell() - len(tasks)
    command = shlex.join(["bash", str(script), *rest[1:]])
    for count, task in enumerate(tasks):
        folder = ROOT / str(number + count)
        (folder / "steps").mkdir(parents=True)
        shown = f"{number}_{task}" if task else str(number)
        about = options | {"shown": shown, "task": task, "command": command}
        written(folder / "state", "PENDING")
        written(folder / "restarts", "0")
        written(folder / "job.json", json.dumps(about))
    if os.fork() == 0:  # what looks after them lives on
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        log = os.open(ROOT / "slurmd.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for ours, theirs in ((nowhere, 0), (log, 1), (log, 2)):
            os.dup2(ours, theirs)
        look_after(number, len(tasks), int(most or len(tasks)))
        os._exit(0)
    sys.stdout.write(f"{number}\n" if "parsable" in options else f"Submitted batch job {number}\n")
    return 0


def sacct(words: Sequence[str]) -> int:
    """The states of some jobs, in the form that submitit asks for."""
    options, _ = parsed(words)
    sys.stdout.write("JobID|State|NodeList\n")
    for shown, folder in named(options.get("jobs", "")):
        state = (folder / "state").read_text()
        sys.stdout.write(f"{shown}|{state}|127.0.0.1\n{shown}.batch|{state}|127.0.0.1\n")
    return 0


def squeue(words: Sequence[str]) -> int:
    """The jobs that have not ended."""
    options, _ = parsed(words)
    if "noheader" not in options:
        sys.stdout.write("JOBID STATE NAME\n")
    for shown, folder in jobs().items():
        if "jobs" in options and folder not in [each for _, each in named(options["jobs"])]:
            continue
        if (state := (folder / "state").read_text()) in ("PENDING", "RUNNING", "COMPLETING"):
            sys.stdout.write(f"{shown} {state} {told(folder).get('job-name', 'job')}\n")
    return 0


def scontrol(words: Sequence[str]) -> int:
    """`scontrol requeue ID`."""
    assert words[0] == "requeue", words
    return _ask(words[1], "requeue")


def scancel(words: Sequence[str]) -> int:
    """`scancel ID`, or `scancel --signal=USR1 ID`, which the tasks get."""
    for number, word in enumerate(words):  # options may stand after the id here
        if word.isdigit() or re.fullmatch(r"\d+_\d+", word):
            options, _ = parsed([*words[:number], *words[number + 1 :]])
            if "signal" not in options:
                return _ask(word, "cancel")
            for _, folder in named(word):
                tell(tasks_of(folder), signal_named(options["signal"]))
            return 0
    return 1


def _ask(ids: str, request: str) -> int:
    found = dict(named(ids))
    for folder in found.values():
        (folder / request).touch()
    if not found:
        sys.stderr.write(f"slurm: error: Invalid job id specified: {ids}\n")
    return 0 if found else 1


COMMANDS = {call.__name__: call for call in (sbatch, srun, sacct, squeue, scontrol, scancel)}


def main() -> int:
    """The command that the first argument names; its exit status."""
    return COMMANDS[sys.argv[1]](sys.argv[2:])
