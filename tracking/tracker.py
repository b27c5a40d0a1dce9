"""What every tracker promises."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from torch import Tensor

__all__ = ["Tracker"]


class Tracker(Protocol):
    """Takes what a run has to tell. Names are panel-friendly: train/loss, range/<layer>."""

    def scalars(self, values: Mapping[str, float], *, epoch: int, step: int) -> None:
        """Take values that belong to an epoch and a step."""
        ...

    def histogram(self, name: str, values: Tensor, *, epoch: int, step: int) -> None:
        """Take the distribution of a tensor's values, of any shape."""
        ...

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Take a table of plain values."""
        ...

    def image(self, name: str, path: Path) -> None:
        """Take an image file."""
        ...

    def artifact(self, name: str, path: Path, kind: str) -> None:
        """Take a file worth keeping, of a kind such as "model"."""
        ...

    def finish(self, result: Mapping[str, float | int | str]) -> None:
        """Take the final values; nothing follows."""
        ...
