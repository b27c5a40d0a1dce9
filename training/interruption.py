"""Interruption: SIGINT and SIGTERM become a request that a long computation honours when it can."""

import logging
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Interrupted", "Interruption"]

log = logging.getLogger(__name__)


class Interrupted(KeyboardInterrupt):
    """The computation was asked to stop and has saved its state; the message says where."""


class Interruption:
    """While this context is open, the first SIGINT or SIGTERM only sets `requested`.

    A second signal ends the process at once. On leaving, the previous handlers are back. Outside
    of the main thread, where Python allows no handlers, nothing is caught.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
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

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.requested = True
        log.info("%s: saving after this step; again to stop at once", signal.Signals(number).name)
