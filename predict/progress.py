"""How many pictures are answered: a bar on a terminal, and a line now and then in a log."""

import logging
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

__all__ = ["Progress"]

NEWS = 30.0  # seconds between two lines of a log

log = logging.getLogger(__name__)


class Progress:
    """Shows how many of so many pictures are done, while it is open."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0

    def __enter__(self) -> Self:
        self._bar = tqdm(
            total=self.total, desc="predicting", unit="file", disable=None, leave=False
        )
        self._told = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    def add(self, number: int) -> None:
        """Count pictures."""
        self.done += number
        self._bar.update(number)
        if self._bar.disable and time.monotonic() - self._told >= NEWS:
            self._told = time.monotonic()
            log.info("%d of %d pictures", self.done, self.total)
