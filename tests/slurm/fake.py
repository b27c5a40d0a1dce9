"""A Slurm of one machine, for tests: sbatch, squeue, sacct, scontrol, scancel and srun.

    python fake.py sbatch|srun|… ARGUMENTS        with the folder of its jobs in FAKE_SLURM

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
import signal
import subprocess
import sys
import threading
import time
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
    span = [str(number), str(len(tasks)), most or str(len(tasks))]
    with Path(os.devnull).open("r+") as nowhere, (ROOT / "slurmd.log").open("a") as log:
        streams = {"stdin": nowhere, "stdout": log, "stderr": log}
        call = [sys.executable, __file__, "slurmd", *span]
        subprocess.Popen(call, start_new_session=True, **streams)
    sys.stdout.write(f"{number}\n" if "parsable" in options else f"Submitted batch job {number}\n")
    return 0


def slurmd(words: Sequence[str]) -> int:
    """Look after the jobs of one sbatch, so many of them at a time."""
    number, count, most = map(int, words)
    free = threading.Semaphore(most)
    looking = [threading.Thread(target=_look_after, args=(number + k, free)) for k in range(count)]
    for each in looking:
        each.start()
    for each in looking:
        each.join()
    return 0


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
    marks = {"j": raw, "A": options["shown"].partition("_")[0], "a": options["task"], "t": "0"}
    output = place(options.get("output", "slurm-%j.out"), **marks)
    environment = {**os.environ, **variables(options, raw), "SLURM_SUBMIT_DIR": str(Path.cwd())}
    environment |= {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
    if options["task"]:
        environment |= {"SLURM_ARRAY_JOB_ID": marks["A"], "SLURM_ARRAY_TASK_ID": options["task"]}
    if restarts:
        environment["SLURM_RESTART_COUNT"] = str(restarts)
    error = place(options.get("error", output), **marks)
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
            tell([batch.pid] if to_shell else _tasks(folder), _signal(to))
        for request, reached in (("requeue", "PENDING"), ("cancel", "CANCELLED")):
            if (folder / request).exists():
                (folder / request).unlink()
                end_state = reached
        if now > end:
            end_state = "TIMEOUT"
    if end_state is not None:
        written(folder / "state", "COMPLETING")
        tell([*_tasks(folder), batch.pid], signal.SIGTERM)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and (batch.poll() is None or _tasks(folder)):
            time.sleep(LOOK)
    tell(processes(FAKE_SLURM=str(ROOT), SLURM_JOB_ID=raw), signal.SIGKILL)  # as its cgroup would
    batch.wait()
    if end_state is None and (folder / "requeue").exists():  # asked for at the last moment
        (folder / "requeue").unlink()
        end_state = "PENDING"
    return end_state or ("FAILED" if status else "COMPLETED")


def _tasks(folder: Path) -> list[int]:
    """The processes that signals go to: those that srun has started, not their children."""
    return [int(path.name) for path in (folder / "steps").iterdir() if path.name.isdigit()]


def _signal(name: str) -> int:
    return int(name) if name.isdigit() else signal.Signals[f"SIG{name.removeprefix('SIG')}"]


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
    while (codes := [one.poll() for one in started]).count(None):
        for rank, code in enumerate(codes):
            if code and rank not in said:
                said.add(rank)
                sys.stderr.write(f"srun: error: task {rank}: exited with status {code}\n")
                sys.stderr.flush()
                if options.get("kill-on-bad-exit", "0") != "0":
                    tell([one.pid for one in started if one.poll() is None], signal.SIGTERM)
                    threading.Timer(PATIENCE, _kill, [started]).start()
        time.sleep(LOOK)
    if folder is not None:
        for one in started:
            (folder / "steps" / str(one.pid)).unlink(missing_ok=True)
    sys.stderr.flush()
    os._exit(max(code if code >= 0 else 128 - code for code in codes if code is not None))


def _kill(started: Sequence["subprocess.Popen[bytes]"]) -> None:
    tell([one.pid for one in started if one.poll() is None], signal.SIGKILL)


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
                tell(_tasks(folder), _signal(options["signal"]))
            return 0
    return 1


def _ask(ids: str, request: str) -> int:
    found = dict(named(ids))
    for folder in found.values():
        (folder / request).touch()
    if not found:
        sys.stderr.write(f"slurm: error: Invalid job id specified: {ids}\n")
    return 0 if found else 1


COMMANDS = (sbatch, srun, sacct, squeue, scontrol, scancel)

if __name__ == "__main__":
    calls = {call.__name__: call for call in (*COMMANDS, slurmd)}
    sys.exit(calls[sys.argv[1]](sys.argv[2:]))
