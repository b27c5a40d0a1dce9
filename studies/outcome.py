"""What the runs of a study come to: row by row, in paired differences, and for its claims.

A claim compares rows by the study's metric, as `partial >= full - 0.002`, or by another figure of
their results, which stands before the row: `agreement/lack(partial) < agreement/lack(full)`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from statistics import fmean, stdev
from typing import Any

from analysis.claims import Judgement, Values, interval, judge
from analysis.comparison import data_of, figure
from analysis.tables import number
from run_folder import read_config
from studies.finished import FinishedRun
from studies.study import Row, Study

__all__ = ["Outcome", "RowOutcome", "outcome"]

FIGURE = re.compile(r"(?P<figure>[\w./+-]+)\((?P<row>[^()\s]+)\)")


@dataclass(frozen=True)
class RowOutcome:
    """What the runs of a row come to.

    Attributes:
        row: what the study says of it.
        runs: that are done.
        values: of the study's metric by seed, NaN where it is not finite; none for runs that do
            not have it.
    """

    row: Row
    runs: Sequence[FinishedRun]
    values: Values

    @property
    def mean(self) -> float | None:
        """Over the seeds."""
        return interval(self.values.values()).mean if self.values else None

    @property
    def std(self) -> float | None:
        """Over the seeds, if there are several and all are finite."""
        known = list(self.values.values())
        return stdev(known) if len(known) > 1 and all(map(isfinite, known)) else None

    @property
    def parameters(self) -> int | None:
        """Of the net."""
        return next((run.result.get("parameters") for run in self.runs), None)

    @property
    def seconds(self) -> float | None:
        """Of training, of one run."""
        known = [run.result["seconds/train"] for run in self.runs if "seconds/train" in run.result]
        return fmean(known) if known else None

    def figure(self, *names: str) -> Values:
        """The first of these figures of result.json that a run has, by seed."""
        return {
            run.seed: figure(run.result, known[0], run.folder)
            for run in self.runs
            if (known := [name for name in names if name in run.result])
        }

    def written(self, name: str) -> str:
        """The mean of a figure of result.json over the runs that have it, ± their standard
        deviation if there are several; "-" without any."""
        known = [figure(run.result, name, run.folder) for run in self.runs if name in run.result]
        if len(known) > 1 and all(map(isfinite, known)):
            return f"{number(fmean(known))} ± {number(stdev(known))}"
        return number(fmean(known)) if known else "-"

    @property
    def published(self) -> str:
        """The published value with its source; "-" without one."""
        value = self.row.published
        return "-" if value is None else f"{value:.4g} {self.row.source}".strip()

    @property
    def data(self) -> str:
        """Its data set: that of its first run."""
        return data_of(read_config(self.runs[0].folder) or {}) if self.runs else ""

    def plain(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "published": self.row.published,
            "source": self.row.source,
            "mean": self.mean,
            "std": self.std,
            "values": dict(self.values),
            "parameters": self.parameters,
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class Outcome:
    """What the runs of a study come to.

    Attributes:
        rows: by their names.
        judgements: of the study's claims.
    """

    rows: Mapping[str, RowOutcome]
    judgements: Sequence[Judgement]

    @property
    def values(self) -> dict[str, Values]:
        """Of the metric, by row, then by seed."""
        return {name: row.values for name, row in self.rows.items()}

    def pairs(self) -> list[tuple[str, str]]:
        """The rows whose differences are told: those that the claims compare by the metric.

        Where no claim compares two rows, each row and the first one of the same data.
        """
        judged = [each.rows for each in self.judgements]
        claimed = [rows for rows in judged if all(row in self.rows for row in rows)]
        if pairs := [(rows[0], rows[1]) for rows in claimed if len(rows) == 2]:
            return list(dict.fromkeys(pairs))
        first: dict[str, str] = {}
        found = []
        for name, row in self.rows.items():
            if row.values and (reference := first.setdefault(row.data, name)) != name:
                found.append((name, reference))
        return found


def outcome(study: Study, runs: Sequence[FinishedRun]) -> Outcome:
    """What these runs of a study come to.

    Raises:
        Refusal: for a claim that cannot be read, or that names a row that there is not.
    """
    rows = {}
    for name, row in study.named_rows().items():
        own = RowOutcome(row, [run for run in runs if run.row == name], {})
        rows[name] = replace(own, values=own.figure(*study.metrics))
    known = {name: row.values for name, row in rows.items()}
    judgements = [judge(claim, known | dict(_figures(claim, rows))) for claim in study.claims]
    return Outcome(rows, judgements)


def _figures(claim: str, rows: Mapping[str, RowOutcome]) -> Iterator[tuple[str, Values]]:
    """The rows of a claim before which a figure stands, as they are written, with their values."""
    for match in FIGURE.finditer(claim):
        if match["row"] in rows:
            yield match[0], rows[match["row"]].figure(match["figure"])
