r"""Compare the rows of a sweep: means, paired differences, and what becomes of claims.

    python -m analysis.comparison <sweep folder> --claim "row_A >= row_B - 0.002"

Jobs whose words differ in the seed alone are one row; `analysis.claims` says how rows are compared.
The tables and the figure `rows` are written into the sweep's folder.
"""

import csv
import json
import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import nan
from pathlib import Path
from statistics import fmean
from typing import Any

from analysis.claims import judge
from analysis.study import draw_study
from analysis.tables import Table, difference_table, markdown, row_table, verdict_table
from config_schema.complaints import exit_status
from partial_equiv.refusal import Refusal
from run_folder import ANEW, CONFIG, RESULT, read_config, read_overrides, read_result

__all__ = ["Row", "data_of", "figure", "main", "read_rows", "sweep_tables"]

ELSEWHERE = ("root", "folder", "download")  # of a data set: says nothing about what is compared
NAME = re.compile(r"(?!(true|false|null|none|inf|nan)$)[a-z_].*", re.IGNORECASE)


@dataclass
class Row:
    """Jobs that differ in their seed alone: its name is what tells them from the sweep's others."""

    name: str
    data: str  # its data set, as its config has it
    values: dict[int, float] = field(default_factory=dict)  # the metric, by seed
    seconds: list[float] = field(default_factory=list)  # of training, of each job
    parameters: int = 0  # of the net


def read_rows(
    folder: Path, metric: str = "test/accuracy", jobs: Sequence[Path] | None = None
) -> dict[str, Row]:
    """The rows of a sweep's folder, by name; jobs without a result are left out.

    Args:
        folder: of the sweep.
        metric: what the rows are compared by.
        jobs: folders of those that count; None: all that have a result.

    Raises:
        Refusal: if there is no result, or none of that metric.
    """
    places = jobs or sorted(path.parent for path in folder.glob(f"*/{RESULT}"))
    if not places:
        raise Refusal(f"{folder}: holds no job with a result")
    names = _names({place: read_overrides(place) for place in places})
    rows: dict[str, Row] = {}
    for place, name in names.items():
        if (config := read_config(place)) is None:
            raise Refusal(f"{place / CONFIG} is lost; {ANEW}")
        result = read_result(place)
        if metric not in result:
            raise Refusal(f"{metric}: is not in {place}, only {', '.join(result)}")
        row = rows.setdefault(name, Row(name, data_of(config)))
        if not isinstance(seed := config.get("seed", 0), int):
            raise Refusal(f"{place / CONFIG} is damaged (seed={seed}); {ANEW}")
        row.values[seed] = figure(result, metric, place)
        row.seconds.append(result.get("seconds/train", nan))
        row.parameters = result.get("parameters", 0)
    return rows


def figure(result: Mapping[str, Any], metric: str, place: Path) -> float:
    """One of the final figures of the run in a place; NaN if it was not finite.

    Raises:
        Refusal: if it is no number.
    """
    value = nan if result[metric] is None else result[metric]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal(f"{metric}: is no number in {place}, but {value}")
    return value


def sweep_tables(
    rows: Mapping[str, Row],
    metric: str,
    pairs: Sequence[tuple[str, str]] = (),
    claims: Sequence[str] = (),
) -> dict[str, Table]:
    """Rows, differences and claims of a sweep, but for tables without a line.

    Args:
        rows: by their names.
        metric: what their values are.
        pairs: of rows to compare; without any, all of the same data are.
        claims: to judge.

    Raises:
        Refusal: for a pair or a claim that names no row.
    """
    same_data = [(a, b) for a, b in combinations(rows, 2) if rows[a].data == rows[b].data]
    values = {name: row.values for name, row in rows.items()}
    cost = {
        "seconds": {name: f"{fmean(row.seconds):.0f}" for name, row in rows.items()},
        "parameters": {name: str(row.parameters) for name, row in rows.items()},
    }
    tables = {
        "rows": row_table(values, metric, more=cost),
        "differences": difference_table(values, pairs or same_data),
        "claims": verdict_table([judge(claim, values) for claim in claims]),
    }
    return {name: table for name, table in tables.items() if len(table) > 1}


def data_of(config: Mapping[str, Any]) -> str:
    """The data set of a run, but for where it lies and for how its seed divides it.

    Runs of the same data and seed have the same test images, so that they can be compared in pairs.
    """
    dataset = config.get("dataset")
    about = dict(dataset) if isinstance(dataset, Mapping) else {"dataset": dataset}
    for name in (*ELSEWHERE, "split_seed"):
        about.pop(name, None)
    return json.dumps(about, sort_keys=True)


def _names(words: Mapping[Path, Sequence[str]]) -> dict[Path, str]:
    """What tells a job from the others, but for its seed; names alone, if they all are of one key,
    and without a folder that they all are in. (A number, True or False says nothing alone.)"""
    own = {place: [word for word in each if word[:5] != "seed="] for place, each in words.items()}
    shared = set.intersection(*map(set, own.values()))
    own = {place: [word for word in each if word not in shared] for place, each in own.items()}
    keys = {word.partition("=")[0] for each in own.values() for word in each}
    values = {word.partition("=")[2] for each in own.values() for word in each}
    if len(keys) == 1 and all(map(NAME.fullmatch, values)):
        own = {place: [word.partition("=")[2] for word in each] for place, each in own.items()}
        if len({word.rpartition("/")[0] for each in own.values() for word in each}) == 1:
            own = {place: [word.rpartition("/")[2] for word in each] for place, each in own.items()}
    return {place: ",".join(word.lstrip("+") for word in own[place]) or "all" for place in words}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write tables and figure into the sweep's folder, and the tables to the terminal.

    Returns:
        the exit status.
    """
    parser = ArgumentParser(
        prog="python -m analysis.comparison", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("folder", type=Path, help="of the sweep")
    parser.add_argument("--metric", default="test/accuracy", help="of result.json")
    parser.add_argument("--pair", nargs=2, action="append", default=[], metavar=("A", "B"))
    parser.add_argument("--claim", action="append", default=[], help='such as "A >= B - 0.01"')
    given = parser.parse_args(arguments)
    return exit_status(lambda: _compare(given))


def _compare(given: Namespace) -> int:
    rows = read_rows(given.folder, given.metric)
    written = sweep_tables(rows, given.metric, given.pair, given.claim)
    for name, table in written.items():
        with (given.folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(table)
    text = "\n\n".join(map(markdown, written.values())) + "\n"
    (given.folder / "comparison.md").write_text(text)
    values = {name: row.values for name, row in rows.items()}
    draw_study(values, given.metric, given.folder / "rows.png")
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
