"""The report of a study: its rows with published values beside ours, its claims, its own figures.

    python -m studies.report FOLDER

prints it as Markdown, and writes it beside the runs: report.md, report.json, tables/, figures/, and
report.html, one page with all of it. It is logged as well, where the study's runs are: by the
tracker that the study's words name.
"""

import json
import logging
import os
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from math import isfinite
from pathlib import Path

from analysis.report import leave_report
from analysis.study import draw_study
from analysis.tables import Table, difference_table, markdown, row_table, verdict_table
from config_schema import complaint, exit_status
from config_schema.words import HYDRA_ERRORS
from constructors import components, compose
from measures.measure import Measured
from measures.measure import Table as PlainTable
from plain_files import write_whole
from provenance import provenance
from studies.finished import FinishedRun, finished_runs
from studies.folder import StudyFolder, read_study_folder
from studies.outcome import Outcome, outcome
from studies.study import flat
from studies.tuned import chosen_settings, tuning_table
from tracking import JsonTracker, Tracker

__all__ = ["main", "report", "study_tracker"]

log = logging.getLogger(__name__)

SHOWN = 12
"""Lines of a table of the study's own that the terminal shows."""


def report(folder: StudyFolder) -> str:
    """Write and log what the runs that are done come to.

    Returns:
        It as Markdown, of whose long tables of the study's own a part stands in their files only.

    Raises:
        Refusal: for a claim that cannot be read, or that names a row that there is not.
    """
    study, runs = folder.study, finished_runs(folder)
    found = outcome(study, runs)
    own = own_report(folder, runs)
    tables = {
        **own_tables(folder, found),
        **{name: written(table) for name, table in own.tables.items()},
    }
    pictures = list(own.pictures)
    if len(found.values) > 1:
        pictures.insert(0, draw_rows(folder, found))
    about = {
        "study": folder.name,
        "metric": " or ".join(study.metrics),
        "progress": folder.progress(),
        "rows": {name: row.plain() for name, row in found.rows.items()},
        "claims": [asdict(each) for each in found.judgements],
        **({"tuning": chosen} if (chosen := chosen_settings(folder)) else {}),
        **own.values,
    }
    write_whole(folder.path / "report.json", json.dumps(_plain(about), indent=1) + "\n")
    write_whole(folder.path / "report.md", _text(tables) + "\n")
    tracker = study_tracker(folder) if runs else JsonTracker(folder.path)
    for name, (columns, *rows) in tables.items():
        tracker.table(name, columns, rows)
    for picture in pictures:
        tracker.image(f"figures/{picture.stem}", picture)
    means = {name: row.mean for name, row in found.rows.items()}
    told = {f"{name}/{study.metrics[0]}": mean for name, mean in means.items() if mean is not None}
    tracker.finish({**told, **own.values})
    leave_report(folder.path)
    return _text(tables, {name: folder.path / "tables" / f"{name}.csv" for name in own.tables})


def _text(tables: Mapping[str, Table], files: Mapping[str, Path] | None = None) -> str:
    """Tables as Markdown; long ones that have files are shortened, and name them."""
    parts = []
    for name, table in tables.items():
        text, left = f"**{name}**\n\n{markdown(table)}", table[SHOWN + 1 :]
        if files and name in files and left:
            place = os.path.relpath(files[name])
            short = markdown(table[: SHOWN + 1])
            text = f"**{name}**\n\n{short}\n\n… and {len(left)} more lines in {place}"
        parts.append(text)
    return "\n\n".join(parts)


def own_tables(folder: StudyFolder, found: Outcome) -> dict[str, Table]:
    """The tables that every study has, but for those without a line."""
    study, rows = folder.study, found.rows
    more = {
        "parameters": {n: str(each.parameters or "-") for n, each in rows.items() if each.runs},
        "seconds": {
            n: f"{each.seconds:.0f}" for n, each in rows.items() if each.seconds is not None
        },
        **{
            name: {n: each.written(name) for n, each in rows.items() if each.runs}
            for name in study.columns
        },
        "source": {n: each.row.source for n, each in rows.items() if each.row.source},
        "note": {n: each.row.note for n, each in rows.items() if each.row.note},
    }
    table = row_table(
        found.values,
        " or ".join(study.metrics),
        published=published(found),
        more={name: column for name, column in more.items() if column},
        without=[name for name, each in rows.items() if each.runs],
    )
    tables = {
        "rows": table,
        "differences": difference_table(found.values, found.pairs()),
        "claims": verdict_table(found.judgements),
        "tuning": tuning_table(folder),
    }
    return {name: table for name, table in tables.items() if len(table) > 1}


def published(found: Outcome) -> dict[str, float]:
    """The published values, by row."""
    known = {name: each.row.published for name, each in found.rows.items()}
    return {name: value for name, value in known.items() if value is not None}


def draw_rows(folder: StudyFolder, found: Outcome) -> Path:
    """Draw the rows, with what was published of them; the picture."""
    study, picture = folder.study, folder.path / "figures" / "rows.png"
    metric = " or ".join(study.metrics)
    draw_study(found.values, metric, picture, published=published(found), title=study.title)
    return picture


def study_tracker(folder: StudyFolder) -> Tracker:
    """The tracker of a study itself, in the group of its runs; plain files if it cannot be made."""
    words = [
        word
        for word in (*flat(folder.study.words), *folder.further)
        if word.lstrip("+").startswith(("tracking=", "tracking.", "debug="))
    ]
    config = {"study": asdict(folder.study), "further": folder.further, "about": provenance()}
    given = {
        "run_folder": folder.path,
        "name": f"{folder.name}: report",
        "group": "/".join(folder.path.parts[-2:]),
        "config": config,
    }
    try:
        return components(compose(words))["tracking"].construct(given, {})
    except HYDRA_ERRORS as error:
        reason = " ".join(str(error).split())
        log.warning("the report is written, but not logged: %s", reason)
        return JsonTracker(folder.path)


def written(table: PlainTable) -> Table:
    """A measure's or a report's table, as cells that are written."""
    columns, rows = table
    return [list(columns), *([_cell(value) for value in row] for row in rows)]


def _plain(value: object) -> object:
    """A value as JSON knows it: null for what is not finite."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def own_report(folder: StudyFolder, runs: Sequence[FinishedRun]) -> Measured:
    """What the study reports beyond its rows and claims; nothing, and a warning, if that fails."""
    name = folder.study.report
    if name is None or not runs:
        return Measured()
    try:
        module = import_module(f"studies.reports.{name}")
        return module.report(runs, folder.path / "figures", **folder.study.settings)
    except Exception as error:  # whatever it is, the rows and claims are worth telling
        reason = complaint(error) or f"{type(error).__name__}: {error}"
        log.warning("studies/reports/%s.py has failed: %s", name, " ".join(reason.split()))
        return Measured()


def main(arguments: Sequence[str] | None = None) -> int:
    """Report on a study's folder; the exit status."""
    parser = ArgumentParser(prog="python -m studies.report", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="of the study")
    given = parser.parse_args(arguments)

    def tell() -> int:
        sys.stdout.write(report(read_study_folder(given.folder)) + "\n")
        return 0

    return exit_status(tell)


if __name__ == "__main__":
    sys.exit(main())
