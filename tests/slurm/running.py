"""What looks after the jobs of an sbatch, as slurmd does: it starts them, warns and ends them."""

import os
import shlex
import signal
import subprocess
import threading
import time
from pathlib import Path

from tests.slurm.jobs import (
    LOOK,
    MINUTE,
    PATIENCE,
    ROOT,
    minutes,
    place,
    processes,
    signal_named,
    tasks_of,
    tell,
    told,
    variables,
    written,
)

__all__ = ["look_after"]


def look_after(number: int, count: int, most: int) -> None:
    """Run so many jobs from this number on, so many of them at a time, until all have ended."""
    free = threading.Semaphore(most)
    looking = [threading.Thread(target=_look_after, args=(number + k, free)) for k in range(count)]
    for each in looking:
        each.start()
    for each in looking:
        each.join()


def _look_after(number: int, free: threading.Semaphore) -> None:
    folder = ROOT / str(number)
    restarts, state = 0, "PENDING"
    while state == "PENDING":
        written(folder / "restarts", str(restarts))
        with free:
            state = _once(folder, restarts)
        restarts += 1
        written(folder / "state", state)


def _once(folder: Path, restarts: int) -> str:
    """Run a job to its end; its state after that, PENDING if it was requeued."""
    options, raw = told(folder), folder.name
    for left in (folder / "steps").iterdir():  # of an srun that was killed
        left.unlink()
    marks = {"j": raw, "A": options["shown"].partition("_")[0], "a": options["task"], "t": "0"}
    output = place(options.get("output", "slurm-%j.out"), **marks)
    environment = {**os.environ, **variables(options, raw), "SLURM_SUBMIT_DIR": str(Path.cwd())}
    environment |= {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
    if options["task"]:
        environment |= {"SLURM_ARRAY_JOB_ID": marks["A"], "SLURM_ARRAY_TASK_ID": options["task"]}
    if restarts:
        environment["SLURM_RESTART_COUNT"] = str(restarts)
    error = place(options.get("error", output), **marks)
    for file in (output, error):  # submitit makes its folder only after sbatch has answered
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    with Path(output).open("ab") as out, Path(error).open("ab") as err:
        call = shlex.split(options["command"])
        batch = subprocess.Popen(
            call, env=environment, stdout=out, stderr=err, start_new_session=True
        )
    written(folder / "state", "RUNNING")
    status, warned = None, float("inf")
    to, _, ahead = options.get("signal", "TERM@0").rpartition(":")[2].partition("@")
    delay = float(ahead or 60)
    end = time.monotonic() + MINUTE * minutes(options.get("time", "365-0"))
    end_state = None
    while status is None and end_state is None:
        time.sleep(LOOK)
        status = batch.poll()
        now = time.monotonic()
        if (folder / "time_is_up").exists():
            (folder / "time_is_up").unlink()
            end = min(end, now + delay)
        if now > end - delay and warned > now:
            warned = now
            to_shell = options.get("signal", "").startswith("B:")
            tell([batch.pid] if to_shell else tasks_of(folder), signal_named(to))
        for request, reached in (("requeue", "PENDING"), ("cancel", "CANCELLED")):
            if (folder / request).exists():
                (folder / request).unlink()
                end_state = reached
        if now > end:
            end_state = "TIMEOUT"
    if end_state is not None:
        written(folder / "state", "COMPLETING")
        tell([*tasks_of(folder), batch.pid], signal.SIGTERM)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and (batch.poll() is None or tasks_of(folder)):
            time.sleep(LOOK)
    tell(processes(FAKE_SLURM=str(ROOT), SLURM_JOB_ID=raw), signal.SIGKILL)  # as its cgroup would
    batch.wait()
    if end_state is None and (folder / "requeue").exists():  # asked for at the last moment
        (folder / "requeue").unlink()
        end_state = "PENDING"
    return end_state or ("FAILED" if status else "COMPLETED")
