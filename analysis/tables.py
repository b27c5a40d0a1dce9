"""Tables of a sweep or a study, as lists of written cells with their head first."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import isfinite
from statistics import stdev

from analysis.claims import Interval, Judgement, Values, difference, interval
from partial_equiv.refusal import Refusal

__all__ = ["Table", "difference_table", "markdown", "number", "row_table", "verdict_table"]

Table = list[list[str]]

SMALL = 1e-3  # with four digits after the point, less would lose what it says


def row_table(
    rows: Mapping[str, Values],
    metric: str,
    *,
    published: Mapping[str, float] | None = None,
    more: Mapping[str, Mapping[str, str]] | None = None,
    without: Collection[str] = (),
) -> Table:
    """Published value, mean, standard deviation and number of seeds of each row.

    Args:
        rows: values by seed, by the row's name; a row without values says "not run".
        metric: what the values are.
        published: of some of the rows; without any, there is no such column.
        more: further columns by their names, each by the row's name.
        without: rows that were run and have no such metric: they say "-".
    """
    known, columns = published or {}, more or {}
    table = [["row", *(["published"] if known else []), metric, "std", "seeds", *columns]]
    for name, values in rows.items():
        mean = interval(values.values()).mean
        spread = stdev(values.values()) if len(values) > 1 and isfinite(mean) else None
        table.append(
            [
                name,
                *([number(known.get(name))] if known else []),
                number(mean) if values else "-" if name in without else "not run",
                number(spread),
                str(len(values)),
                *(each.get(name, "-") for each in columns.values()),
            ]
        )
    return table


def difference_table(rows: Mapping[str, Values], pairs: Iterable[tuple[str, str]]) -> Table:
    """Mean and 95 % interval of the paired differences; without those of rows that nobody ran.

    Raises:
        Refusal: for a pair that names no row.
    """
    table = [["difference", "mean", "low", "high", "seeds"]]
    for one, other in pairs:
        for name in (one, other):
            if name not in rows:
                raise Refusal(f"there is no row {name}, only {', '.join(rows)}")
        if rows[one] and rows[other]:
            table.append([f"{one} - {other}", *_bounds(difference(rows[one], rows[other]))])
    return table


def verdict_table(judgements: Sequence[Judgement]) -> Table:
    """The claims with their verdicts, and the interval of left side less right side."""
    head = ["claim", "verdict", "left - right", "low", "high", "seeds"]
    return [head, *([each.claim, each.verdict, *_bounds(each.interval)] for each in judgements)]


def markdown(table: Sequence[Sequence[str]]) -> str:
    """A table as Markdown.

    >>> print(markdown([["row", "std"], ["a|b", "-"]]))
    | row | std |
    | --- | --- |
    | a\\|b | - |
    """
    head, *body = ([cell.replace("|", "\\|") for cell in line] for line in table)
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *body])


def _bounds(value: Interval) -> list[str]:
    if value.num == 0:
        return ["-", "-", "-", "0"]
    return [*(number(each, "+") for each in (value.mean, value.low, value.high)), str(value.num)]


def number(value: float | None, sign: str = "") -> str:
    """A number with four digits after the point, or three digits if it is small; None: "-".

    >>> number(0.91666), number(0.0007213), number(None)
    ('0.9167', '0.000721', '-')
    """
    if value is None:
        return "-"
    return f"{value:{sign}.3g}" if 0 < abs(value) < SMALL else f"{value:{sign}.4f}"
