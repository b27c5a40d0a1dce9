"""Tracking of one stage of a run that trains several nets."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from tracking.json_lines import JsonTracker
from tracking.tracker import Tracker

__all__ = ["StageTracker"]


class StageTracker(JsonTracker):
    """Writes the plain files into the stage's own folder, and tells the run's tracker as well.

    There, names begin with the stage's: oracle/train/loss.

    Args:
        tracker: of the run.
        stage: its name.
        folder: of the stage.
    """

    def __init__(self, tracker: Tracker, stage: str, folder: Path) -> None:
        super().__init__(folder)
        self.tracker, self.stage = tracker, stage

    def scalars(self, values: Mapping[str, float], *, epoch: int, step: int) -> None:
        """Take one record."""
        super().scalars(values, epoch=epoch, step=step)
        named = {f"{self.stage}/{name}": value for name, value in values.items()}
        self.tracker.scalars(named, epoch=epoch, step=step)

    def histogram(self, name: str, values: Tensor, *, epoch: int, step: int) -> None:
        """Take the distribution of a tensor's values."""
        super().histogram(name, values, epoch=epoch, step=step)
        self.tracker.histogram(f"{self.stage}/{name}", values, epoch=epoch, step=step)

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Take a table."""
        self.tracker.table(f"{self.stage}/{name}", columns, rows)

    def image(self, name: str, path: Path) -> None:
        """Take an image file."""
        self.tracker.image(f"{self.stage}/{name}", path)

    def artifact(self, name: str, path: Path, kind: str) -> None:
        """Take a file worth keeping."""
        self.tracker.artifact(f"{self.stage}-{name}", path, kind)
