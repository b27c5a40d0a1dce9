"""What a study comes to: tables, flat figures and drawings."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

from analysis.predictions import draw_parity, draw_worst_cells
from analysis.savings import Curve, draw_convergence, draw_learning_curves, saving
from datasets.unit_cells import COMPONENTS
from routines.metamaterial.study import Net, Study, Trial

__all__ = ["draw", "figures", "tables"]

FIGURES = {"mse": "test/loss", "relative_error": "test/relative_error", "r2": "test/r2"}
PLAIN: Net = "cnn"

Table = tuple[Sequence[str], Sequence[Sequence[object]]]


def tables(study: Study) -> dict[str, Table]:
    """Each figure, net by augmentation, at the largest size; and all trials in rows."""
    nets, augmentations, cells = study.settings.nets, study.augmentations, study.sizes[-1]
    made: dict[str, Table] = {}
    for name, key in FIGURES.items():
        rows: list[list[object]] = [
            [net, *(written(study.values(net, each, cells, key)) for each in augmentations)]
            for net in nets
        ]
        made[name] = ["net", *augmentations], rows
    columns = [*FIGURES.values(), "cells", "parameters", "epochs", "best_epoch", "seconds/train"]
    trials: list[list[object]] = [
        [trial.net, trial.augmentation, trial.repeat, *(result[name] for name in columns)]
        for trial, result in study.results.items()
    ]
    made["trials"] = ["net", "augmentation", "repeat", *columns], trials
    return made


def figures(study: Study) -> dict[str, float]:
    """Means and standard deviations over repeats, and the cells that a net saves."""
    found: dict[str, float] = {"trainings": len(study.results)}
    for net in study.settings.nets:
        for augmentation in study.augmentations:
            for cells in study.sizes:
                where = f"{net}/{augmentation}/{cells or 'all'}"
                for name, key in FIGURES.items():
                    values = study.values(net, augmentation, cells, key)
                    found[f"{name}/{where}"] = fmean(values)
                    if len(values) > 1:
                        found[f"{name}_std/{where}"] = stdev(values)
    plain = curves(study, PLAIN)
    for net in study.settings.nets:
        for how, curve in curves(study, net).items():
            if net != PLAIN and how in plain:
                for number, factor in saving(curve, plain[how]).items():
                    found[f"saving/{net}/{how}/{number:g}"] = factor
    return found


def curves(study: Study, net: Net) -> dict[str, Curve]:
    """The test MSE over the training cells, for each augmentation; none if one size is all."""
    if len(study.sizes) < 2 or net not in study.settings.nets:
        return {}
    return {
        augmentation: {
            fmean(study.values(net, augmentation, cells, "cells")): study.values(
                net, augmentation, cells, FIGURES["mse"]
            )
            for cells in study.sizes
        }
        for augmentation in study.augmentations
    }


def draw(study: Study, folder: Path) -> None:
    """Draw learning curves, convergence, and each net with its best augmentation on test cells."""
    nets, cells = study.settings.nets, study.sizes[-1]
    if len(study.sizes) > 1:
        by_net = {net: curves(study, net) for net in nets}
        by_augmentation = {
            augmentation: {net: curve[augmentation] for net, curve in by_net.items()}
            for augmentation in study.augmentations
        }
        draw_learning_curves(by_augmentation, folder / "learning.png")
    runs = {
        augmentation: {
            net: [
                study.history(trial)
                for trial in study.results
                if (trial.net, trial.augmentation, trial.cells) == (net, augmentation, cells)
            ]
            for net in nets
        }
        for augmentation in study.augmentations
    }
    draw_convergence(runs, folder / "convergence.png")
    for net in nets:
        first = [Trial(net, each, cells, 0) for each in study.augmentations]
        best = min(first, key=lambda trial: study.results[trial]["val/loss"])
        images, labels, answers = study.answers(best)
        title = f"{net}, augmentation: {best.augmentation}"
        draw_parity(labels, answers, COMPONENTS, title, folder / f"parity_{net}.png")
        path = folder / f"worst_{net}.png"
        draw_worst_cells(images, labels, answers, COMPONENTS, title, path)


def written(values: list[float]) -> str:
    """Mean ± standard deviation, for a table."""
    spread = f" ± {stdev(values):.2g}" if len(values) > 1 else ""
    return f"{fmean(values):.4g}{spread}"
