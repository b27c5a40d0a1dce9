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
from statistics import fmean, stdev

from analysis.claims import judge
from analysis.tables import verdict_table
from config_schema import ConfigError, complaint
from measures.measure import Measured, Table
from run_folder import write_whole
from studies.finished import FinishedRun, finished_runs
from studies.folder import StudyFolder, read_study_folder

__all__ = ["main", "report"]


def report(folder: StudyFolder) -> str:
    """Write what the runs that are done come to; return it as Markdown."""
    runs = finished_runs(folder)
    tables = {"rows": rows_table(folder, runs)}
    if folder.study.claims:
        tables["claims"] = claims_table(folder, runs)
    own = own_report(folder, runs)
    tables |= own.tables
    for name, (columns, rows) in tables.items():
        path = folder.path / "tables" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([columns, *rows])
    values = {"progress": folder.progress(), **own.values}
    write_whole(folder.path / "report.json", json.dumps(values, indent=1) + "\n")
    text = "\n\n".join(markdown(table) for table in tables.values())
    write_whole(folder.path / "report.md", text + "\n")
    return text


def rows_table(folder: StudyFolder, runs: Sequence[FinishedRun]) -> Table:
    """A line for each row: published, ours, deviation, number of seeds, size and time."""
    metric, study = folder.study.metric, folder.study
    columns = ["row", "published", metric, "std", "seeds", "parameters", "seconds"]
    lines: list[list[object]] = []
    for name, row in study.named_rows().items():
        published = "" if row.published is None else f"{row.published:.4f}"
        own = [run for run in runs if run.row == name]
        values = [run.result[metric] for run in own if run.result.get(metric) is not None]
        if not values:
            lines.append([name, published, "done" if own else "not run", "", len(own), "", ""])
            continue
        spread = f"{stdev(values):.4f}" if len(values) > 1 else ""
        seconds = f"{fmean(run.result.get('seconds/run', nan) for run in own):.0f}"
        size = own[0].result.get("parameters", "")
        lines.append([name, published, f"{fmean(values):.4f}", spread, len(values), size, seconds])
    return columns, lines


def claims_table(folder: StudyFolder, runs: Sequence[FinishedRun]) -> Table:
    """The verdict of every claim, with the 95 % interval of its left side less its right side."""
    metric = folder.study.metric
    rows: dict[str, dict[int, float]] = {name: {} for name in folder.study.named_rows()}
    for run in runs:
        if run.result.get(metric) is not None:
            rows[run.row][run.seed] = run.result[metric]
    columns, *lines = verdict_table([judge(claim, rows) for claim in folder.study.claims])
    return columns, lines


def own_report(folder: StudyFolder, runs: Sequence[FinishedRun]) -> Measured:
    """What the study reports beyond its rows and claims."""
    if folder.study.report is None or not runs:
        return Measured()
    module = import_module(f"studies.reports.{folder.study.report}")
    return module.report(runs, folder.path / "figures", **folder.study.settings)


def markdown(table: Table) -> str:
    """A table in Markdown."""
    columns, rows = table
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


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
