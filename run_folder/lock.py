"""The lock of a run folder: one process writes there, and it dies with that process."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Occupied", "claim", "is_running"]


class Occupied(OSError):
    """Another process is at work in the run folder."""


@contextmanager
def claim(folder: Path, *, patience: float = 0.0) -> Iterator[None]:
    """Keep other processes out of the folder while the context is open.

    Args:
        folder: of a run.
        patience: seconds to wait for a process that is in it.

    Raises:
        Occupied: if another process is in it.
    """
    until = time.monotonic() + patience
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC  # with which a pipe is not waited for
    with os.fdopen(os.open(folder / ".lock", flags, 0o666), "wb", buffering=0) as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise Occupied(f"another process is running in {folder}") from None
                time.sleep(0.1)
        yield


def is_running(folder: Path) -> bool:
    """Whether a process is at work here."""
    try:
        with claim(folder):
            return False
    except Occupied:
        return True
    except OSError:  # there is no such folder, or it is not ours
        return False
