r"""Compare the rows of a sweep: means, paired differences, and what becomes of claims.

    python -m analysis.comparison <sweep folder> --claim "row_A >= row_B - 0.002"

Jobs whose words differ in the seed alone are one row. Two rows are compared over the seeds that
both have: d̄ ± t·s/√n, with Student's t of n - 1 degrees of freedom, is the 95 % interval of their
mean difference. A claim is supported or refuted if the whole interval says so, else undecided.
"""

import csv
import json
import operator
import re
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import nan, sqrt
from pathlib import Path
from statistics import fmean, stdev

from config_schema.complaints import ConfigError
from run_folder import is_done, read_config, read_overrides, read_result

__all__ = ["Interval", "Row", "interval", "main", "read_rows", "verdict"]

CLAIM = re.compile(
    r"\s*(?P<left>\S+)\s*(?P<sign>[<>]=?)\s*(?P<right>\S+)"
    r"(\s*(?P<side>[+-])\s*(?P<margin>[\d.]+(e-?\d+)?))?\s*"
)
SIGNS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
ELSEWHERE = ("root", "download")  # of a data set: says nothing about what is compared


@dataclass
class Row:
    """Jobs that differ in their seed alone: its name is what tells them from the sweep's others."""

    name: str
    data: str  # its data set, as its config has it
    values: dict[int, float] = field(default_factory=dict)  # the metric, by seed
    seconds: list[float] = field(default_factory=list)  # of training, of each job
    parameters: int = 0  # of the net


@dataclass(frozen=True)
class Interval:
    """A mean over `num` seeds, and the bounds of its 95 % interval (unbounded for one seed)."""

    mean: float
    low: float
    high: float
    num: int


def read_rows(folder: Path, metric: str = "test/accuracy") -> dict[str, Row]:
    """The rows of a sweep's folder, by name; jobs without a result are left out.

    Raises:
        ValueError: if there is no result, or none of that metric.
    """
    places = sorted(path for path in folder.glob("*") if is_done(path) and read_config(path))
    if not places:
        raise ConfigError(f"{folder}: holds no job with a result")
    names = _names({place: read_overrides(place) for place in places})
    rows: dict[str, Row] = {}
    for place, name in names.items():
        config, result = read_config(place) or {}, read_result(place)
        if metric not in result:
            raise ConfigError(f"{metric}: is not in {place}, only {', '.join(result)}")
        data = {k: v for k, v in config.get("dataset", {}).items() if k not in ELSEWHERE}
        row = rows.setdefault(name, Row(name, json.dumps(data, sort_keys=True)))
        row.values[config.get("seed", 0)] = result[metric]
        row.seconds.append(result.get("seconds/train", nan))
        row.parameters = result.get("parameters", 0)
    return rows


def _names(words: Mapping[Path, Sequence[str]]) -> dict[Path, str]:
    """What tells a job from the others, but for its seed; values alone, if they all are of one key,
    and without a folder that they all are in."""
    own = {place: [word for word in each if word[:5] != "seed="] for place, each in words.items()}
    shared = set.intersection(*map(set, own.values()))
    own = {place: [word for word in each if word not in shared] for place, each in own.items()}
    keys = {word.partition("=")[0] for each in own.values() for word in each}
    if len(keys) == 1:
        own = {place: [word.partition("=")[2] for word in each] for place, each in own.items()}
        if len({word.rpartition("/")[0] for each in own.values() for word in each}) == 1:
            own = {place: [word.rpartition("/")[2] for word in each] for place, each in own.items()}
    return {place: ",".join(word.lstrip("+") for word in own[place]) or "all" for place in words}


def interval(values: Sequence[float]) -> Interval:
    """The mean of values and its 95 % interval.

    >>> interval([0.0, 1.0, 2.0]).mean
    1.0
    """
    num = len(values)
    if num < 2:
        return Interval(fmean(values) if values else nan, -float("inf"), float("inf"), num)
    from scipy.special import stdtrit

    half = float(stdtrit(num - 1, 0.975)) * stdev(values) / sqrt(num)
    return Interval(fmean(values), fmean(values) - half, fmean(values) + half, num)


def difference(one: Row, other: Row) -> Interval:
    """The mean of one row less the other, over the seeds that both have."""
    seeds = sorted(one.values.keys() & other.values.keys())
    return interval([one.values[seed] - other.values[seed] for seed in seeds])


def verdict(claim: str, rows: dict[str, Row]) -> tuple[str, Interval]:
    """`supported`, `refuted` or `undecided`, and the interval of left side less right side.

    A claim compares a row with a row or a number, give or take a margin: "A >= B - 0.002".

    Raises:
        ValueError: if it cannot be read, or names no row.
    """
    match = CLAIM.fullmatch(claim)
    if match is None:
        raise ConfigError(f"{claim}: should be written A >= B - 0.01, with rows or a number as B")
    left, right, sign = match["left"], match["right"], SIGNS[match["sign"]]
    margin = float(f"{match['side']}{match['margin']}") if match["margin"] else 0.0
    number = re.fullmatch(r"[\d.]+", right)
    for name in [left] if number else [left, right]:
        if name not in rows:
            raise ConfigError(f"{claim}: there is no row {name}, only {', '.join(rows)}")
    if number:
        found = interval([value - float(right) for value in rows[left].values.values()])
    else:
        found = difference(rows[left], rows[right])
    holds = {sign(bound, margin) for bound in (found.low, found.high)}
    return "undecided" if len(holds) == 2 else (
        "supported" if holds == {True} else "refuted"
    ), found


def tables(
    rows: dict[str, Row], pairs: Iterable[tuple[str, str]], claims: Sequence[str], metric: str
) -> dict[str, list[list[str]]]:
    """The tables by their names, each with its head."""
    found = [["row", metric, "std", "seeds", "seconds", "parameters"]]
    for row in rows.values():
        values = list(row.values.values())
        spread = f"{stdev(values):.4f}" if len(values) > 1 else "-"
        cost = [f"{fmean(row.seconds):.0f}", str(row.parameters)]
        found.append([row.name, f"{fmean(values):.4f}", spread, str(len(values)), *cost])
    result = {"rows": found, "differences": [["difference", "mean", "low", "high", "seeds"]]}
    for one, other in pairs:
        result["differences"].append(
            [f"{one} - {other}", *_written(difference(rows[one], rows[other]))]
        )
    result["claims"] = [["claim", "verdict", "left - right", "low", "high", "seeds"]]
    for claim in claims:
        word, about = verdict(claim, rows)
        result["claims"].append([claim, word, *_written(about)])
    return {name: table for name, table in result.items() if len(table) > 1}


def _written(value: Interval) -> list[str]:
    return [*(f"{each:+.4f}" for each in (value.mean, value.low, value.high)), str(value.num)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables into the sweep's folder and to the terminal; the exit status."""
    parser = ArgumentParser(
        prog="python -m analysis.comparison", description=__doc__.split("\n")[0]
    )
    parser.add_argument("folder", type=Path, help="of the sweep")
    parser.add_argument("--metric", default="test/accuracy", help="of result.json")
    parser.add_argument("--pair", nargs=2, action="append", default=[], metavar=("A", "B"))
    parser.add_argument("--claim", action="append", default=[], help='such as "A >= B - 0.01"')
    given = parser.parse_args(arguments)
    try:
        rows = read_rows(given.folder, given.metric)
        if unknown := {name for pair in given.pair for name in pair} - rows.keys():
            raise ConfigError(f"--pair: no row {', '.join(unknown)}, only {', '.join(rows)}")
        same_data = [(a, b) for a, b in combinations(rows, 2) if rows[a].data == rows[b].data]
        written = tables(rows, given.pair or same_data, given.claim, given.metric)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    text = []
    for name, (head, *body) in written.items():
        with (given.folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([head, *body])
        lines = [head, ["---"] * len(head), *body]
        text.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    (given.folder / "comparison.md").write_text("\n\n".join(text) + "\n")
    sys.stdout.write("\n\n".join(text) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
