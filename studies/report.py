"""The report of a study: its rows with published values beside ours, its claims, its own figures.

    python -m studies.report FOLDER

prints it as Markdown, and writes it beside the runs: report.md, report.json, tables/ and figures/.
"""

import csv
import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib import import_module
from math import nan
from pathlib import Path
from statistics import fmean

from analysis.claims import judge
from analysis.study import draw_study
from analysis.tables import Table, markdown, row_table, verdict_table
from config_schema import ConfigError, complaint
from measures.measure import Measured
from measures.measure import Table as PlainTable
from plain_files import write_whole
from studies.finished import FinishedRun, finished_runs
from studies.folder import StudyFolder, read_study_folder

__all__ = ["main", "report"]


def report(folder: StudyFolder) -> str:
    """Write what the runs that are done come to; return it as Markdown."""
    study, runs = folder.study, finished_runs(folder)
    rows = study.named_rows()
    values = values_by_row(folder, runs)
    known = {name: row.published for name, row in rows.items() if row.published is not None}
    tables: dict[str, Table] = {
        "rows": row_table(values, study.metric, published=known, more=cost(folder, runs))
    }
    if study.claims:
        tables["claims"] = verdict_table([judge(claim, values) for claim in study.claims])
    figures = folder.path / "figures"
    if len(values) > 1:
        draw_study(values, study.metric, figures / "rows.png", published=known, title=study.title)
    own = own_report(folder, runs)
    tables |= {name: written(table) for name, table in own.tables.items()}
    for name, table in tables.items():
        path = folder.path / "tables" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(table)
    about = {"progress": folder.progress(), **own.values}
    write_whole(folder.path / "report.json", json.dumps(about, indent=1) + "\n")
    text = "\n\n".join(map(markdown, tables.values()))
    write_whole(folder.path / "report.md", text + "\n")
    return text


def values_by_row(folder: StudyFolder, runs: Sequence[FinishedRun]) -> dict[str, dict[int, float]]:
    """The study's metric of every row, by seed; none for a row that nobody ran.

    A run that has no finite value counts as NaN.
    """
    metric = folder.study.metric
    values: dict[str, dict[int, float]] = {name: {} for name in folder.study.named_rows()}
    for run in runs:
        if run.row in values and metric in run.result:
            value = run.result[metric]
            values[run.row][run.seed] = nan if value is None else float(value)
    return values


def cost(folder: StudyFolder, runs: Sequence[FinishedRun]) -> dict[str, dict[str, str]]:
    """Parameters, and seconds of training, of every row."""
    found: dict[str, dict[str, str]] = {"parameters": {}, "seconds": {}}
    for row in {run.row for run in runs}:
        results = [run.result for run in runs if run.row == row]
        found["parameters"][row] = str(results[0].get("parameters", "-"))
        found["seconds"][row] = f"{fmean(each.get('seconds/train', nan) for each in results):.0f}"
    return found


def written(table: PlainTable) -> Table:
    """A measure's or a report's table, as cells that are written."""
    columns, rows = table
    return [list(columns), *([_cell(value) for value in row] for row in rows)]


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def own_report(folder: StudyFolder, runs: Sequence[FinishedRun]) -> Measured:
    """What the study reports beyond its rows and claims."""
    if folder.study.report is None or not runs:
        return Measured()
    module = import_module(f"studies.reports.{folder.study.report}")
    return module.report(runs, folder.path / "figures", **folder.study.settings)


def main(arguments: Sequence[str] | None = None) -> int:
    """Report on a study's folder; the exit status."""
    parser = ArgumentParser(prog="python -m studies.report", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="of the study")
    try:
        sys.stdout.write(report(read_study_folder(parser.parse_args(arguments).folder)) + "\n")
    except (ConfigError, OSError, ValueError) as error:
        if (reason := complaint(error)) is None:
            raise
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
