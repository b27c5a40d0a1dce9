"""Runs in processes that can be killed, with all that they started, and looked at from outside.

A process is a fork of this one, which has loaded torch already and done nothing with it: starting
one costs no seconds.
"""

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

__all__ = ["Ended", "Kill", "command", "in_process", "load"]

HEAVY = (
    *("main", "run", "constructors", "provenance", "lightning_fabric", "matplotlib.pyplot"),
    *("command_line.preparation", "command_line.job", "studies.report", "measures.angles"),
    *("sklearn.datasets", "lightning_fabric.strategies.ddp", "h5py", "PIL.Image", "tqdm"),
)
PATIENCE = 240.0  # seconds until a process counts as hanging; the machine may be busy
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = ("os.rename", "os.mkdir", "os.remove", "os.truncate")  # audit events


@dataclass(frozen=True)
class Kill:
    """When a process is killed.

    Attributes:
        seconds: after its start; None: not by the clock.
        write: so many files of the folder it opens, makes or renames, and then.
        delay: seconds after that write: a file may be half written.
    """

    seconds: float | None = None
    write: int | None = None
    delay: float = 0.0


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        status: its exit status; negative if a signal ended it, None if it had to be stopped.
        output: what it wrote on both of its streams.
        writes: how often it wrote in its folder; 0 if it was killed.
        seconds: that it took.
    """

    status: int | None
    output: str
    writes: int
    seconds: float

    @property
    def bad(self) -> str | None:
        """Whether it hangs or shows a traceback."""
        if self.status is None:
            return "hangs"
        return "tracebacks" if "Traceback (most recent" in self.output else None


def load() -> None:
    """Load all that runs need, on one thread, before the first process is made."""
    for name in HEAVY:
        import_module(name)
    import torch

    torch.set_num_threads(1)


def command(*words: str) -> Callable[[], int]:
    """The command line with these words."""

    def call() -> int:
        import main

        sys.argv = ["main.py", *words]
        return main.main(words)

    return call


def in_process(
    work: Callable[[], int],
    folder: Path,
    *,
    kill: Kill | None = None,
    patience: float = PATIENCE,
) -> Ended:
    """Do work in a process of its own, whose writes in a folder are counted.

    The process is killed as `kill` says; whatever it started is killed with it in any case.
    """
    kill = kill or Kill()
    (told, tell), (counted, count) = (os.pipe() for _ in range(2))  # no limit of files holds here
    start = time.monotonic()
    child = os.fork()
    if not child:
        _be_child(work, folder, kill, tell, count)
    for ours, theirs in ((told, tell), (counted, count)):
        os.set_blocking(ours, False)
        os.close(theirs)
    output = bytearray()
    limit = start + (patience if kill.seconds is None else kill.seconds)
    status: int | None = None
    while status is None and time.monotonic() < limit:
        status = _ended(child)
        output += _read(told)
        time.sleep(0.002)
    hit = status is None and kill.seconds is not None
    _kill_all(child)
    if status is None:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        status = status if hit else None
    output += _read(told)
    writes = int(_read(counted) or 0)
    for each in (told, counted):
        os.close(each)
    return Ended(status, output.decode(errors="replace"), writes, time.monotonic() - start)


def _read(pipe: int) -> bytes:
    """What is in a pipe by now."""
    found = bytearray()
    while True:
        try:
            more = os.read(pipe, 65536)
        except BlockingIOError:
            return bytes(found)
        if not more:
            return bytes(found)
        found += more


def _ended(child: int) -> int | None:
    found, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _kill_all(leader: int) -> None:
    """Kill a process and all of its group."""
    for kill in (os.killpg, os.kill):
        try:
            kill(leader, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _be_child(work: Callable[[], int], folder: Path, kill: Kill, tell: int, count: int) -> None:
    os.setsid()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    os.dup2(tell, 1)
    os.dup2(tell, 2)
    sys.stdout = sys.__stdout__ = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    writes = _count_writes(folder, kill)
    status = 1
    try:
        status = work()
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            os.write(count, str(len(writes)).encode())
            sys.stdout.flush()
        finally:
            os._exit(status)


def _count_writes(folder: Path, kill: Kill) -> list[str]:
    """Note every write in a folder from now on, and obey `kill`; the list grows."""
    prefix, writes = str(folder.absolute()), list[str]()

    def hear(event: str, arguments: Sequence[object]) -> None:
        if event == "open":
            flags = arguments[2]
            if not (isinstance(flags, int) and flags & WRITING):
                return
        elif event not in CHANGES:
            return
        path = arguments[0]
        if isinstance(path, str | os.PathLike) and str(Path(path).absolute()).startswith(prefix):
            writes.append(event)
            if len(writes) == kill.write:
                _die(kill.delay)

    sys.addaudithook(hear)
    return writes


def _die(delay: float) -> None:
    if delay:
        timer = threading.Timer(delay, os.killpg, (0, signal.SIGKILL))
        timer.daemon = True
        timer.start()
    else:
        os.killpg(0, signal.SIGKILL)
