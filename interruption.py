"""Interruption: a signal becomes a request that a long computation honours when it can.

SIGINT is Ctrl-C. SIGTERM, SIGUSR1 and SIGUSR2 are what a machine says that needs its place back:
a scheduler whose time is up, an agent that ends its processes. All of them save and leave.
"""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

__all__ = ["GO_ON", "MACHINES", "Interrupted", "Interruption", "ending_at_once", "handled"]

Handler = Callable[[int, FrameType | None], Any]

log = logging.getLogger(__name__)

MACHINES = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
GO_ON = 75
"""The exit status of a run that a machine has stopped: the same command goes on (EX_TEMPFAIL)."""


class Interrupted(KeyboardInterrupt):
    """The computation was asked to stop and has saved its state, if it has one; the message says
    where.

    Attributes:
        number: of the signal that asked.
    """

    def __init__(self, message: str = "", number: int = signal.SIGINT) -> None:
        super().__init__(message, number)
        self.number = signal.Signals(number)

    def __str__(self) -> str:
        return str(self.args[0])

    @property
    def status(self) -> int:
        """The exit status that tells it: 130 after Ctrl-C, else that of `GO_ON`."""
        return 130 if self.number == signal.SIGINT else GO_ON


class Interruption:
    """While this context is open, a signal only sets `requested`.

    A second Ctrl-C ends the process at once. (Not a second SIGTERM: a scheduler sends it to all
    processes of a job, and those of them that started others pass it on.) On leaving, the previous
    handlers are back; if a request was honoured, a handler that somebody else has set is called
    then, such as the one with which submitit has the job queued again. Outside of the main thread,
    where Python allows no handlers, nothing is caught.

    Attributes:
        requested: the signal that asked, 0 if none did. That a process's parent has gone, for which
            it worked, counts as SIGTERM.
    """

    def __init__(self) -> None:
        self._received = 0
        self._previous: dict[signal.Signals, Any] = {}
        serves = multiprocessing.parent_process() or "TORCHELASTIC_RUN_ID" in os.environ
        self._parent = os.getppid() if serves else None

    @property
    def requested(self) -> int:
        if not self._received and self._parent not in (None, os.getppid()):
            self._received = int(signal.SIGTERM)
            log.info("the process that started this one has ended: saving after this step")
        return self._received

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, *MACHINES):
                self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if isinstance(error, Interrupted):
            handler = self._previous.get(error.number)
            if callable(handler) and handler not in (_end, signal.default_int_handler):
                handler(int(error.number), None)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._received and number == signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        if not self._received:
            self._received = number
            more = "; again to stop at once" if number == signal.SIGINT else ""
            log.info("%s: saving after this step%s", signal.Signals(number).name, more)


@contextmanager
def handled(numbers: Iterable[signal.Signals], handler: Handler) -> Iterator[None]:
    """Let a function handle these signals in this block; the previous handlers come back."""
    previous = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)


def ending_at_once() -> AbstractContextManager[None]:
    """Let the signals of machines end what is done in this block as Ctrl-C does, where no
    `Interruption` waits for a better moment.

    Raises:
        Interrupted: on a signal.
    """
    return handled(MACHINES, _end)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise Interrupted(f"stopped by {signal.Signals(number).name}", number)
