"""Progress: a bar on a terminal, and a line an epoch in the log."""

import logging
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from types import TracebackType
from typing import Self

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

__all__ = ["Progress"]

log = logging.getLogger(__name__)


class Progress:
    """Shows how far a training is: steps done, loss, newest validation values, time to go.

    The bar appears only if stderr is a terminal (log lines then pass above it). `visible=False`
    silences everything, for the ranks that only help.
    """

    def __init__(self, *, steps: int, done: int, epochs: int, visible: bool = True) -> None:
        self.steps, self.done, self.epochs, self.visible = steps, done, epochs, visible
        self._values: dict[str, str] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._start, self._first = time.monotonic(), self.done
        self._bar = self._stack.enter_context(
            tqdm(
                total=self.steps,
                initial=self.done,
                unit="step",
                dynamic_ncols=True,
                disable=None if self.visible else True,
            )
        )
        if not self._bar.disable:
            self._stack.enter_context(logging_redirect_tqdm())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def shown(self) -> bool:
        """Whether there is a bar, so that the caller need not fetch a loss that nobody sees."""
        return not self._bar.disable

    def step(self, loss: float | None = None) -> None:
        """Count one step."""
        self.done += 1
        if loss is not None:
            self._values["loss"] = f"{loss:.3f}"
            self._bar.set_postfix(self._values, refresh=False)
        self._bar.update()

    def epoch(self, epoch: int, record: Mapping[str, float]) -> None:
        """Report the values of a finished epoch, counted from 1."""
        if not self.visible:
            return
        shown = {
            name.replace("/", " "): f"{value:.4f}"
            for name, value in record.items()
            if name.startswith(("train/", "val/")) and name.count("/") == 1  # not class by class
        }
        self._values |= {name: value for name, value in shown.items() if name.startswith("val")}
        pace = (time.monotonic() - self._start) / max(1, self.done - self._first)
        left = timedelta(seconds=round(pace * (self.steps - self.done)))
        values = " · ".join(f"{name} {value}" for name, value in shown.items())
        log.info("epoch %d/%d · %s · %s to go", epoch, self.epochs, values, left)
