"""srun: the tasks of a step."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tests.slurm.jobs import LOOK, PATIENCE, ROOT, nodes_of, parsed, place, tell, variables, written

__all__ = ["srun"]


def srun(words: Sequence[str]) -> int:
    """Start a command's tasks, in the running job or in one of their own; the worst status."""
    given, command = parsed(words)
    raw = os.environ.get("SLURM_JOB_ID", "")
    inherited = {
        name.lower().replace("_", "-"): os.environ[f"SLURM_{name}"]
        for name in ("NTASKS", "NTASKS_PER_NODE", "CPUS_PER_TASK")
        if f"SLURM_{name}" in os.environ
    } | ({"nodes": os.environ["SLURM_NNODES"]} if raw else {})
    if {"nodes", "ntasks-per-node"} & set(given):
        inherited.pop("ntasks", None)
    options = {**(inherited if raw else {}), **given}
    folder = ROOT / raw if raw else None
    raw = raw or os.environ.get("FAKE_SLURM_FIRST", "1")
    nodes, tasks = nodes_of(options)
    each = -(-tasks // nodes)
    told_all = variables(options, raw) | {
        "SLURM_STEP_ID": "0",
        "SLURM_STEPID": "0",
        "SLURM_STEP_NUM_TASKS": str(tasks),
        "SLURM_STEP_NUM_NODES": str(nodes),
        "SLURM_STEP_NODELIST": variables(options, raw)["SLURM_JOB_NODELIST"],
        "SLURM_SRUN_COMM_HOST": "127.0.0.1",
    }
    marks = {"j": raw, "A": os.environ.get("SLURM_ARRAY_JOB_ID", raw)}
    marks["a"] = os.environ.get("SLURM_ARRAY_TASK_ID", "")
    started: list[subprocess.Popen[bytes]] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):  # passed on
        signal.signal(number, lambda to, _: tell([one.pid for one in started], to))
    for rank in range(tasks):
        own = {"PROCID": str(rank), "LOCALID": str(rank % each), "NODEID": str(rank // each)}
        environment = {**os.environ, **told_all}
        environment |= {f"SLURM_{name}": value for name, value in own.items()}
        files = {
            stream: Path(place(options[name], t=str(rank), **marks)).open("ab")  # noqa: SIM115
            for stream, name in (("stdout", "output"), ("stderr", "error"))
            if name in options
        }
        if "output" in options and "error" not in options:
            files["stderr"] = files["stdout"]
        started.append(subprocess.Popen(command, env=environment, **files))
        if folder is not None:
            written(folder / "steps" / str(started[-1].pid), str(rank))
    said: set[int] = set()
    running = True
    while running:
        time.sleep(LOOK)
        codes = [one.poll() for one in started]
        running = None in codes
        for rank, code in enumerate(codes):
            if code and rank not in said:
                said.add(rank)
                sys.stderr.write(f"srun: error: task {rank}: exited with status {code}\n")
                sys.stderr.flush()
                if running and options.get("kill-on-bad-exit", "0") != "0":
                    tell([one.pid for one in started if one.poll() is None], signal.SIGTERM)
                    threading.Timer(PATIENCE, _kill, [started]).start()
    if folder is not None:
        for one in started:
            (folder / "steps" / str(one.pid)).unlink(missing_ok=True)
    sys.stderr.flush()
    os._exit(max(code if code >= 0 else 128 - code for code in codes if code is not None))


def _kill(started: Sequence["subprocess.Popen[bytes]"]) -> None:
    tell([one.pid for one in started if one.poll() is None], signal.SIGKILL)
