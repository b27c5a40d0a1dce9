"""The lock of a run folder: one process writes there, and it dies with that process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Occupied", "claim", "is_running"]


class Occupied(OSError):
    """Another process is at work in the run folder."""


@contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Keep other processes out of the folder while the context is open.

    Raises:
        Occupied: if another process is in it.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC  # with which a pipe is not waited for
    with os.fdopen(os.open(folder / ".lock", flags, 0o666), "wb", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Occupied(f"another process is running in {folder}") from None
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
