"""The workers of a sweep or study: the processes in which joblib runs its jobs.

Whoever stops the process that drives them stops them as well: they save, begin no other job, and
leave. Without this, joblib kills them in the middle of a step, or the system leaves them behind.
"""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import NoReturn

from interruption import GO_ON, MACHINES, Interrupted, handled

__all__ = ["Worker", "stopping_workers"]

log = logging.getLogger(__name__)

PATIENCE = 300.0  # seconds that workers have to make a step and save
LOOK = 0.2  # seconds between two looks
SIGNALS = (signal.SIGINT, *MACHINES)


def stopping_workers() -> AbstractContextManager[None]:
    """In the process that drives: a signal goes to its workers, and ends this block once they have
    left; Ctrl-C once more ends it at once.

    Raises:
        Interrupted: on a signal.
    """
    return handled(SIGNALS, _stop)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    name = signal.Signals(number).name
    workers = [each for each in multiprocessing.active_children() if "Loky" in each.name]
    if workers:
        log.info("%s: what is running saves", name)
        for each in workers:  # SIGTERM: Ctrl-C has come to them, too, and twice it ends them
            each.terminate()
        leaving = threading.Thread(target=_dismiss, daemon=True)
        leaving.start()
        leaving.join(PATIENCE)
    raise Interrupted(f"stopped by {name}", number)


def _dismiss() -> None:
    """Wait until the workers have left; what they were to do after their jobs, they refuse."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor(reuse=True).shutdown()


class Worker:
    """This process, if it is a worker of joblib's: `job` stands around each of its jobs."""

    def __init__(self) -> None:
        self._driver: int | None = None  # its process id
        self._asked = self._at_work = False

    @contextmanager
    def job(self) -> Iterator[None]:
        """Let a signal, or the driver's end, interrupt this block; elsewhere it does nothing.

        Raises:
            Interrupted: on a signal, at once if it came before.
        """
        if multiprocessing.get_start_method(allow_none=True) == "loky":
            self._begin()
        if self._driver is None:
            yield
            return
        self._at_work = True
        try:
            if self._asked:
                raise Interrupted("no other job is begun", signal.SIGTERM)
            yield
        finally:
            self._at_work = False
            self._leave_if_alone()

    def _begin(self) -> None:
        """On its first job."""
        multiprocessing.set_start_method("spawn", force=True)  # further processes know no other
        driver = multiprocessing.parent_process()
        assert driver is not None
        assert driver.pid is not None
        self._driver = driver.pid
        for number in SIGNALS:
            signal.signal(number, self._receive)
        threading.Thread(target=self._watch, daemon=True).start()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        if self._at_work:
            raise Interrupted(f"stopped by {signal.Signals(number).name}", number)
        self._leave_if_alone()

    def _watch(self) -> None:
        while os.getppid() == self._driver:
            time.sleep(LOOK)
        os.kill(os.getpid(), signal.SIGTERM)

    def _leave_if_alone(self) -> None:
        """End this process if nobody is left to take its results."""
        if os.getppid() != self._driver:
            os._exit(GO_ON)
