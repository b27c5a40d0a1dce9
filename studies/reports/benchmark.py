"""Methods against tasks whose right answer is known: rows <task>/<method>, or <task>_<pictures>/….

Accuracies with what is not significantly worse, ranks over the tasks, agreement against the truth,
accuracy over cost, and accuracy over the number of training pictures; see docs/benchmark.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite, nan
from pathlib import Path
from statistics import fmean

from analysis.agreement import draw_agreement
from analysis.benchmark import area, draw_costs, draw_efficiency
from analysis.claims import Values, interval
from analysis.ranks import distinguished, ranks
from measures.measure import Measured, Table
from studies.finished import FinishedRun

__all__ = ["report"]

FIGURES = ("test/accuracy", "test/r2")
STEP = "cost/step_seconds"
TABLE = "agreement/agreement"

Tasks = Mapping[str, Mapping[str, Sequence[FinishedRun]]]
"""The runs of each method, by task, then by method."""


def report(runs: Sequence[FinishedRun], figures: Path) -> Measured:
    """Tables and figures of the runs that are done.

    Values: "rank/<method>", "area/<task>/<method>" (the mean accuracy over the logarithm of the
    number of training pictures) and "critical_difference".

    Args:
        runs: rows <task>/<method>; some trials may be among them, which are left out.
        figures: the folder to draw in.
    """
    tasks = by_task([run for run in runs if any(name in run.result for name in FIGURES)])
    if not tasks:
        return Measured()
    scores = {task: {name: score(each) for name, each in of.items()} for task, of in tasks.items()}
    methods = list(dict.fromkeys(name for of in tasks.values() for name in of))
    curves = efficiency(tasks)
    areas = {
        f"area/{task}/{name}": area(curve)
        for task, of in curves.items()
        for name, curve in of.items()
    }
    ranked, rank_values = _ranks({task: of for task, of in scores.items() if whole(task, tasks)})
    tables = {
        "accuracy": _accuracy(scores, methods),
        **ranked,
        **_knowing(tasks),
        **({"area": _areas(curves)} if curves else {}),
    }
    pictures = [*_draw_agreements(tasks, figures), *_draw_costs(tasks, scores, methods, figures)]
    for task, of in curves.items():
        pictures.append(figures / f"efficiency_{task}.png")
        draw_efficiency(of, pictures[-1], task=task)
    return Measured({**rank_values, **areas}, tables, pictures)


def by_task(runs: Sequence[FinishedRun]) -> dict[str, dict[str, list[FinishedRun]]]:
    """Runs of rows <task>/<method> by the two."""
    found: dict[str, dict[str, list[FinishedRun]]] = {}
    for run in runs:
        task, _, method = run.row.partition("/")
        if method and "/" not in method:
            found.setdefault(task, {}).setdefault(method, []).append(run)
    return found


def score(runs: Sequence[FinishedRun]) -> Values:
    """Accuracy, or R², of each seed."""
    told = ((run.seed, next(run.result[n] for n in FIGURES if n in run.result)) for run in runs)
    return {seed: nan if value is None else float(value) for seed, value in told}


def whole(name: str, tasks: Iterable[str]) -> bool:
    """Whether a task is one by itself, and not another one with fewer pictures.

    >>> whole("digits_60", ["digits", "digits_60"]), whole("cells_4", ["cells_1", "cells_4"])
    (False, True)
    """
    task, _, number = name.rpartition("_")
    return not number.isdecimal() or task not in tasks


def efficiency(tasks: Tasks) -> dict[str, dict[str, dict[int, list[float]]]]:
    """Accuracies by the number of training pictures, by method, of each task that has several."""
    found: dict[str, dict[str, dict[int, list[float]]]] = {}
    for name, methods in tasks.items():
        task = name if whole(name, tasks) else name.rpartition("_")[0]
        for method, runs in methods.items():
            curve = found.setdefault(task, {}).setdefault(method, {})
            for run, value in zip(runs, score(runs).values(), strict=True):
                curve.setdefault(int(run.result.get("samples", 0)), []).append(value)
    several = {
        task: {
            method: dict(sorted(curve.items()))
            for method, curve in methods.items()
            if len(curve) > 1
        }
        for task, methods in found.items()
    }
    return {task: methods for task, methods in several.items() if methods}


def _accuracy(scores: Mapping[str, Mapping[str, Values]], methods: Sequence[str]) -> Table:
    """Mean ± half the 95 % interval over the seeds; ** ** around the best ones of a task."""
    best = {task: distinguished(of) for task, of in scores.items()}
    rows: list[list[object]] = []
    for method in methods:
        row: list[object] = [method]
        for task, of in scores.items():
            text = _written(of[method]) if method in of else "not run"
            row.append(f"**{text}**" if method in best[task] else text)
        rows.append(row)
    return ["method", *scores], rows


def _written(values: Values) -> str:
    about = interval(values.values())
    half = about.high - about.mean
    return f"{about.mean:.3f}" + (f" ± {half:.3f}" if isfinite(half) else "")


def _ranks(
    scores: Mapping[str, Mapping[str, Values]],
) -> tuple[dict[str, Table], dict[str, float]]:
    """The mean ranks over the tasks that all methods did, with what differences count.

    A method that some tasks make no sense for would take those from all others: methods of fewer
    tasks than half of all are left out, then tasks that not all others did.
    """
    means = {
        task: {name: fmean(each.values()) for name, each in of.items() if each}
        for task, of in scores.items()
    }
    names = list(dict.fromkeys(name for of in means.values() for name in of))
    kept = [name for name in names if 2 * sum(name in of for of in means.values()) >= len(means)]
    complete = {
        task: {name: of[name] for name in kept}
        for task, of in means.items()
        if all(isfinite(of.get(name, nan)) for name in kept)
    }
    if (found := ranks(complete)) is None:
        return {}, {}
    rows = [[name, rank] for name, rank in found.mean.items()]
    tables: dict[str, Table] = {
        "ranks": (["method", f"mean rank over {', '.join(complete)}"], rows),
        "ranks_differ": (["statement"], [[str(found)]]),
    }
    values = {f"rank/{name}": rank for name, rank in found.mean.items()}
    return tables, {**values, "critical_difference": found.critical}


def _knowing(tasks: Tasks) -> dict[str, Table]:
    """What the methods keep too much and too little: means over the seeds."""
    columns = ("excess", "lack", "unasked", "inside", "outside", "range_error")
    rows: list[list[object]] = []
    for task, methods in tasks.items():
        for method, runs in methods.items():
            told = [
                [
                    run.result[f"agreement/{name}"]
                    for run in runs
                    if f"agreement/{name}" in run.result
                ]
                for name in columns
            ]
            if any(told):
                rows.append([task, method, *(fmean(each) if each else "-" for each in told)])
    return {"agreement": (["task", "method", *columns], rows)} if rows else {}


def _areas(curves: Mapping[str, Mapping[str, Mapping[int, Sequence[float]]]]) -> Table:
    sizes = sorted({number for of in curves.values() for curve in of.values() for number in curve})
    rows: list[list[object]] = [
        [task, name, area(curve), *(fmean(curve[n]) if n in curve else "-" for n in sizes)]
        for task, of in curves.items()
        for name, curve in of.items()
    ]
    columns = ["task", "method", "area over log pictures", *(f"{n} pictures" for n in sizes)]
    return columns, rows


def _draw_agreements(tasks: Tasks, folder: Path) -> list[Path]:
    """A figure for each task whose truth is known: each method's curve, a mean over its seeds."""
    pictures = []
    for task, methods in tasks.items():
        curves: dict[str, dict[tuple[float, bool], list[float]]] = {}
        for method, runs in methods.items():
            for run in runs:
                for line in run.table(TABLE):
                    move = float(line["degrees"]), line["mirrored"] == "True"
                    curve = curves.setdefault(method, {})
                    curve.setdefault(move, []).append(float(line["agreement"]))
        if not curves:
            continue
        truth = next(iter(methods.values()))[0].load().spec.truth
        if truth is not None:
            pictures.append(folder / f"agreement_{task}.png")
            means = {
                name: {move: fmean(each) for move, each in curve.items()}
                for name, curve in curves.items()
            }
            draw_agreement(means, truth, pictures[-1])
    return pictures


def _draw_costs(
    tasks: Tasks,
    scores: Mapping[str, Mapping[str, Values]],
    methods: Sequence[str],
    folder: Path,
) -> list[Path]:
    """Accuracy over the seconds of a step, and over the parameters; tasks are panels."""
    points: dict[str, dict[str, tuple[float, float, float]]] = {}
    for task, of in tasks.items():
        for method in methods if whole(task, tasks) else ():
            runs = [run for run in of.get(method, ()) if STEP in run.result]
            if runs:
                seconds = fmean(run.result[STEP] for run in runs)
                size = float(runs[0].result.get("parameters", nan))
                mean = fmean(scores[task][method].values())
                points.setdefault(task, {})[method] = seconds, size, mean
    if not points:
        return []
    draw_costs(points, folder / "costs.png")
    return [folder / "costs.png"]
