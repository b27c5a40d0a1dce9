"""The runs of a study that are done, as reports look at them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config_schema.quoting import typed
from constructors import LoadedRun, load_run
from partial_equiv.refusal import Refusal
from plain_files import read_table
from run_folder import RESULT, read_result
from studies.folder import StudyFolder
from tracking import read_metrics

__all__ = ["FinishedRun", "finished_runs"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FinishedRun:
    """A run that is done.

    Attributes:
        row: of the study, with the names of its options: row/option/option.
        seed: of the run.
        folder: of the run.
        result: its final figures, by flat names.
    """

    row: str
    seed: int
    folder: Path
    result: Mapping[str, Any]

    def history(self) -> list[dict[str, Any]]:
        """Its records, one for each epoch."""
        return read_metrics(self.folder)

    def table(self, name: str) -> list[dict[str, str]]:
        """The rows of a table that it left, <measure>/<table>; none if it did not."""
        path = self.folder / "tables" / f"{name}.csv"
        if not path.is_file():
            return []
        measure = name.partition("/")[0]
        words = f"{typed('train.resume', self.folder)} measure=[{measure}]"
        return read_table(path, f"{words} writes it anew")

    def load(self) -> LoadedRun:
        """Its trained net, and what it was built from."""
        return load_run(self.folder)


def finished_runs(study: StudyFolder) -> list[FinishedRun]:
    """The runs of a study that are done, in the study's order; damaged results are told."""
    found = []
    for job in study.jobs:
        place = study.place(job)
        try:
            if (place / RESULT).exists():
                found.append(FinishedRun(job.row, job.seed, place, read_result(place)))
        except (OSError, Refusal) as error:
            log.warning("left out: %s", error)
    return found
