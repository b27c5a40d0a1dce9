"""The stiffness of cells: rows <net>/<augmentation>, or <net>/<augmentation>/<training cells>.

What each net's symmetry and each augmentation come to, component by component, and by what factor a
net saves training cells against another.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import inf
from pathlib import Path
from statistics import fmean, stdev

from analysis.predictions import draw_parity, draw_worst_cells
from analysis.savings import Curve, draw_convergence, draw_learning_curves, saving, written_saving
from datasets.stiffness import COMPONENTS
from measures.measure import Measured, Table
from measures.stiffness import answers
from studies.finished import FinishedRun

__all__ = ["report"]

FIGURES = {"mse": "test/loss", "relative_error": "test/relative_error", "r2": "test/r2"}
BY_COMPONENT = {f"r2_{name}": f"stiffness/r2/{name}" for name in COMPONENTS}
TOOK = ("parameters", "epochs", "best_epoch", "seconds/train")


def report(runs: Sequence[FinishedRun], figures: Path, *, reference: str = "cnn") -> Measured:
    """Tables, means and standard deviations over the seeds, learning curves, savings, worst cells.

    Args:
        runs: with task=regression and measure=[stiffness].
        figures: the folder to draw in.
        reference: the net that the others save cells against.
    """
    trials = Trials(runs)
    curves = trials.curves() if len(trials.sizes) > 1 else {}
    return Measured(
        _values(trials) | _savings(curves, reference),
        _tables(trials) | _savings_table(curves, reference),
        [*_draw_curves(trials, curves, figures), *_draw_answers(trials, figures)],
    )


class Trials:
    """The runs of a study by net, augmentation and number of training cells ("all": as it is)."""

    def __init__(self, runs: Sequence[FinishedRun]) -> None:
        self.runs: dict[tuple[str, str, str], list[FinishedRun]] = {}
        for run in runs:
            net, augmentation, *cells = run.row.split("/")
            self.runs.setdefault((net, augmentation, cells[0] if cells else "all"), []).append(run)
        self.nets = list(dict.fromkeys(net for net, _, _ in self.runs))
        self.augmentations = list(dict.fromkeys(each for _, each, _ in self.runs))

    @cached_property
    def sizes(self) -> list[str]:
        """Numbers of training cells, ascending."""
        found = {cells for _, _, cells in self.runs}
        return sorted(found, key=lambda cells: inf if cells == "all" else int(cells))

    def values(self, net: str, augmentation: str, cells: str, name: str) -> list[float]:
        """A figure of all seeds; none if nobody ran the row or measured that."""
        runs = self.runs.get((net, augmentation, cells), [])
        return [run.result[name] for run in runs if name in run.result]

    def curves(self) -> dict[str, dict[str, Curve]]:
        """The test MSE over the training cells: by augmentation, then by net."""
        found: dict[str, dict[str, dict[float, list[float]]]] = {}
        for (net, augmentation, _), runs in self.runs.items():
            curve = found.setdefault(augmentation, {}).setdefault(net, {})
            for run in runs:
                curve.setdefault(run.result["samples"], []).append(run.result[FIGURES["mse"]])
        return {augmentation: dict(nets) for augmentation, nets in found.items()}


def _tables(trials: Trials) -> dict[str, Table]:
    """Each figure, net by augmentation, at the largest size; R² by component; all runs in rows."""
    nets, cells = trials.nets, trials.sizes[-1]
    made: dict[str, Table] = {}
    for name, key in FIGURES.items():
        rows: list[list[object]] = [
            [net, *(written(trials.values(net, a, cells, key)) for a in trials.augmentations)]
            for net in nets
        ]
        made[name] = ["net", *trials.augmentations], rows
    rows = [
        [
            *where,
            *(written(trials.values(*where, e), "not measured") for e in BY_COMPONENT.values()),
        ]
        for where in trials.runs
    ]
    made["r2_by_component"] = ["net", "augmentation", "cells", *COMPONENTS], rows
    rows = [
        [net, augmentation, run.seed]
        + [run.result.get(name, "") for name in (*FIGURES.values(), "samples", *TOOK)]
        for (net, augmentation, _), runs in trials.runs.items()
        for run in runs
    ]
    columns = ["net", "augmentation", "seed", *FIGURES.values(), "cells", *TOOK]
    return {**made, "trials": (columns, rows)}


def _values(trials: Trials) -> dict[str, float | int | str]:
    """Means and standard deviations over the seeds."""
    found: dict[str, float | int | str] = {"trainings": sum(map(len, trials.runs.values()))}
    for where in trials.runs:
        for name, key in {**FIGURES, **BY_COMPONENT}.items():
            if values := trials.values(*where, key):
                found[f"{name}/{'/'.join(where)}"] = fmean(values)
            if len(values) > 1:
                found[f"{name}_std/{'/'.join(where)}"] = stdev(values)
    return found


def _compared(
    curves: Mapping[str, Mapping[str, Curve]], reference: str
) -> list[tuple[str, str, Curve, Curve]]:
    """Net, augmentation, its curve and the reference's, for all nets but the reference."""
    return [
        (net, augmentation, curve, nets[reference])
        for augmentation, nets in curves.items()
        if reference in nets
        for net, curve in nets.items()
        if net != reference
    ]


def _savings(
    curves: Mapping[str, Mapping[str, Curve]], reference: str
) -> dict[str, float | int | str]:
    """The cells that a net saves as numbers; a bound is written as one, such as "> 16"."""
    found: dict[str, float | int | str] = {}
    for net, augmentation, curve, other in _compared(curves, reference):
        told = written_saving(curve, other)
        for number, factor in saving(curve, other).items():
            bound = told[number].startswith((">", "<"))
            found[f"saving/{net}/{augmentation}/{number:g}"] = told[number] if bound else factor
    return found


def _savings_table(curves: Mapping[str, Mapping[str, Curve]], reference: str) -> dict[str, Table]:
    """By what factor more cells the reference needs for the same error."""
    rows = [
        [net, augmentation, f"{number:g}", factor]
        for net, augmentation, curve, other in _compared(curves, reference)
        for number, factor in sorted(written_saving(curve, other).items())
    ]
    columns = ["net", "augmentation", "cells", f"times as many cells for {reference}"]
    return {"saving": (columns, rows)} if rows else {}


def _draw_curves(
    trials: Trials, curves: Mapping[str, Mapping[str, Curve]], folder: Path
) -> list[Path]:
    """Draw learning curves, and convergence at the largest size."""
    pictures = [folder / "learning.png"] if curves else []
    if curves:
        draw_learning_curves(curves, pictures[0])
    pictures.append(folder / "convergence.png")
    runs = {
        augmentation: {
            net: [
                history(run) for run in trials.runs.get((net, augmentation, trials.sizes[-1]), [])
            ]
            for net in trials.nets
        }
        for augmentation in trials.augmentations
    }
    draw_convergence(runs, pictures[-1])
    return pictures


def _draw_answers(trials: Trials, folder: Path) -> list[Path]:
    """Draw each net's answers with its best augmentation: first seed, largest size."""
    pictures = []
    for net in trials.nets:
        first = {
            augmentation: trials.runs[net, augmentation, trials.sizes[-1]][0]
            for augmentation in trials.augmentations
            if (net, augmentation, trials.sizes[-1]) in trials.runs
        }
        if not first:
            continue
        best = min(first, key=lambda name: first[name].result.get("val/loss", inf))
        loaded = first[best].load()
        cells, true, said = answers(
            loaded.model, loaded.build.splits.test.batches(250), loaded.spec
        )
        title = f"{net}, augmentation: {best}"
        pictures += [folder / f"parity_{net}.png", folder / f"worst_{net}.png"]
        draw_parity(true, said, COMPONENTS, title, pictures[-2])
        draw_worst_cells(cells, true, said, COMPONENTS, title, pictures[-1])
    return pictures


def history(run: FinishedRun) -> tuple[list[int], list[float]]:
    """Steps, and the validation's MSE after each of them."""
    records = [record for record in run.history() if "val/loss" in record]
    return [each["step"] for each in records], [each["val/loss"] for each in records]


def written(values: Sequence[float], otherwise: str = "not run") -> str:
    """Mean ± standard deviation, for a table."""
    if not values:
        return otherwise
    spread = f" ± {stdev(values):.2g}" if len(values) > 1 else ""
    return f"{fmean(values):.4g}{spread}"
