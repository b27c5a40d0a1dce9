"""What the trials of a study came to, and which settings they chose."""

from collections.abc import Mapping
from typing import Any

from analysis.tables import Table, number
from partial_equiv.refusal import Refusal
from run_folder import is_done, read_result
from studies.folder import StudyFolder

__all__ = ["chosen_settings", "tuning_table"]


def chosen_settings(folder: StudyFolder) -> dict[str, str | None]:
    """The name of the chosen setting of every row that is tuned; None where trials are left."""
    found: dict[str, str | None] = {}
    for job in folder.jobs:
        if job.settings and job.row not in found:
            found[job.row] = None
            try:
                trial = folder.choice(job)
            except (OSError, Refusal):  # `finished_runs` tells of damaged results
                continue
            found[job.row] = trial and setting(job.row, trial)
    return found


def tuning_table(folder: StudyFolder) -> Table:
    """A line for each row that is tuned: its trials' validation figures, and the choice."""
    chosen = chosen_settings(folder)
    table = [["tuned row", "figure", "trials", "chosen"]]
    for row, best in chosen.items():
        job = next(each for each in folder.jobs if each.row == row and each.settings)
        told, figures = [], dict[str, None]()
        for trial in job.settings:
            name, value = _validation(folder, trial)
            told.append(f"{setting(row, trial)}: {value}")
            figures |= {name: None} if name else {}
        table.append([row, ", ".join(figures) or "-", ", ".join(told), best or "-"])
    return table


def setting(row: str, trial: str) -> str:
    """The name of the setting that a trial tries.

    >>> setting("cnn/digits", "cnn/digits/tuning/slow/seed=100")
    'slow'
    """
    return trial.removeprefix(f"{row}/tuning/").rpartition("/")[0]


def _validation(folder: StudyFolder, trial: str) -> tuple[str, str]:
    """The figure that decides on a trial, and its value as it is written."""
    place, result = folder.path / trial, dict[str, Any]()
    if not is_done(place):
        return "", "not run"
    try:
        result |= read_result(place)
        name = folder.study.tuning.figure(result)
    except (OSError, Refusal):
        return "", "damaged"
    return name, _number(result, name)


def _number(result: Mapping[str, Any], name: str) -> str:
    return "not finite" if result[name] is None else number(result[name])
