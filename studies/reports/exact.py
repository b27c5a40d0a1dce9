"""Where equivariance breaks: at which input sizes, in which layers, and what that does to accuracy.

    untrained nets (measure=[sizes])   on noise of every size: does the stride rule break them?
    trained ones (measure=[angles,meter] probe=[layer_errors])
                                       the accuracy at every test angle, and on images as seen in
                                       training against unseen quarter turns; the error of every
                                       layer after each epoch

The protocol of Edixhoven, Lengyel, van Gemert, "Using and Abusing Equivariance" (ICCVw 2023).
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from statistics import fmean, stdev

from analysis.broken_equivariance import (
    draw_accuracies_over_angles,
    draw_errors_over_layers,
    draw_errors_over_sizes,
)
from measures.angles import drawn_curve
from measures.measure import Measured, Table
from measures.own_symmetries import TOLERANCE
from studies.finished import FinishedRun

__all__ = ["report"]

QUARTERS = [f"accuracy_{angle}" for angle in (0, 90, 180, 270)]
SHOWN = ("accuracy_0", "accuracy_45", "accuracy_90", "accuracy_180", "accuracy_270", "unseen")


def report(
    runs: Sequence[FinishedRun],
    figures: Path,
    *,
    published: Mapping[str, Mapping[str, float]] | None = None,
) -> Measured:
    """Draw and tabulate what was measured of the rows, each as a mean over its seeds.

    Args:
        runs: that are done.
        figures: the folder for the figures.
        published: of each row, figures by the names of the columns of "seen_unseen".
    """
    rows = {row: list(group) for row, group in groupby(runs, key=lambda run: run.row)}
    untrained = {row: own[0] for row, own in rows.items() if own[0].table("sizes/errors")}
    turned = {row: own for row, own in rows.items() if own[0].table("angles/accuracy")}
    probed = {row: own[0] for row, own in rows.items() if own[0].table("meter/epochs")}
    parts = []
    if untrained:
        parts.append(_over_sizes(untrained, figures / "error_over_size.png"))
    if turned:
        parts.append(_over_angles(turned, published or {}, figures / "accuracy_over_angle.png"))
    if probed:
        path = figures / "error_over_layers.png"
        histories = {row: _history(run) for row, run in probed.items()}
        draw_errors_over_layers(histories, TOLERANCE, path)
        parts.append(Measured(pictures=[path]))
    return Measured(
        {key: value for part in parts for key, value in part.values.items()},
        {name: table for part in parts for name, table in part.tables.items()},
        [picture for part in parts for picture in part.pictures],
    )


def _over_sizes(runs: Mapping[str, FinishedRun], path: Path) -> Measured:
    """Of each untrained net: its error at every size, and in short, where it is exact."""
    found = {row: run.table("sizes/errors") for row, run in runs.items()}
    errors = {row: {int(e["size"]): float(e["relative"]) for e in of} for row, of in found.items()}
    draw_errors_over_sizes(errors, TOLERANCE, path)
    values = {f"{row}/{size}": error for row, of in errors.items() for size, error in of.items()}
    lines: list[list[object]] = []
    for row, of in found.items():
        exact = [each["size"] for each in of if float(each["relative"]) <= TOLERANCE]
        breaks: dict[str, list[str]] = {}
        for each in of:
            if each["size"] not in exact:
                breaks.setdefault(each["first break"], []).append(each["size"])
        where = "; ".join(f"{layer} at {', '.join(sizes)}" for layer, sizes in breaks.items())
        lines.append([row, ", ".join(exact) or "none", where])
    return Measured(
        values,
        {
            "exact": (["net", "exact at", "first break elsewhere"], lines),
            "sizes": _table({"net": row, **each} for row, of in found.items() for each in of),
        },
        [path],
    )


def _over_angles(
    rows: Mapping[str, Sequence[FinishedRun]],
    published: Mapping[str, Mapping[str, float]],
    path: Path,
) -> Measured:
    """Of each trained net: its accuracy at every angle, seen and unseen turns, and its error."""
    runs = [run for own in rows.values() for run in own]
    curves = {row: drawn_curve(_curve(own)) for row, own in rows.items()}
    draw_accuracies_over_angles(curves, path, chance=runs[0].result.get("angles/chance"))
    summaries = {row: _summary(own) for row, own in rows.items()}
    values = {
        f"{row}/{key}": value
        for row, summary in summaries.items()
        for key, value in summary.items()
        if value is not None
    }
    tables = {
        "angles": _table(
            {"net": run.row, "seed": run.seed, **each}
            for run in runs
            for each in run.table("angles/accuracy")
        ),
        "seen_unseen": _table({"net": row, **summary} for row, summary in summaries.items()),
        "published": _beside(summaries, published),
    }
    return Measured(values, tables, [path])


def _curve(runs: Sequence[FinishedRun]) -> dict[float, list[float]]:
    """The accuracies of a net at every angle, one for each of its seeds."""
    found: dict[float, list[float]] = {}
    for run in runs:
        for each in run.table("angles/accuracy"):
            found.setdefault(float(each["degrees"]), []).append(float(each["accuracy"]))
    return found


def _summary(runs: Sequence[FinishedRun]) -> dict[str, float | None]:
    """Means over a net's seeds, and deviations."""
    names = {
        "seen": "angles/seen",
        "unseen": "angles/unseen",
        "equivariance_error": "meter/relative",
        **{name: f"angles/{name}" for name in (*QUARTERS, "accuracy_45")},
    }
    values = {key: [run.result.get(name) for run in runs] for key, name in names.items()}
    known = {key: [each for each in of if each is not None] for key, of in values.items()}
    means = {key: fmean(of) if len(of) == len(runs) else None for key, of in known.items()}
    spreads = {
        f"{key}_std": stdev(known[key]) if len(known[key]) > 1 else None
        for key in ("seen", "unseen")
    }
    return means | spreads


def _beside(
    summaries: Mapping[str, Mapping[str, float | None]],
    published: Mapping[str, Mapping[str, float]],
) -> Table:
    """Ours and what was published, in per cent; unseen: the mean of the four quarter turns."""
    lines: list[list[object]] = []
    for row, ours in summaries.items():
        for whose, given in (("ours", ours), ("published", published.get(row, {}))):
            cells = [f"{100 * v:.2f}" if (v := given.get(k)) is not None else "" for k in SHOWN]
            deviation = given.get("unseen_std")
            cells[-1] += "" if deviation is None else f" ± {100 * deviation:.2f}"
            if given:
                lines.append([row, whose, *cells])
    return ["net", "", *(f"{name[9:]}°" for name in SHOWN[:-1]), "unseen"], lines


def _history(run: FinishedRun) -> list[tuple[int, dict[str, float]]]:
    """The errors of the layers by name, before training (epoch 0) and after each epoch."""
    found: dict[int, dict[str, float]] = {}
    for each in run.table("meter/epochs"):
        found.setdefault(int(each["epoch"]), {})[each["layer"]] = float(each["relative"])
    return list(found.items())


def _table(records: Iterable[Mapping[str, object]]) -> Table:
    """Records that have the same columns."""
    lines = list(records)
    return list(lines[0]), [["" if v is None else v for v in each.values()] for each in lines]
