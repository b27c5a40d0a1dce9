"""Predict the stiffness of periodic cells, with nets of more and less symmetry, from less and less.

Every net is trained with every augmentation on every number of cells, on repeated random splits.
Left behind are the table of errors, net by augmentation; learning curves, and by what factor a net
saves cells against the plain CNN; convergence; parity plots and the worst cells of each net.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from partial_equiv.intervals import Count, Interval
from routines.metamaterial.reports import draw, figures, tables
from routines.metamaterial.study import NETS, Augmentation, Net, Settings, Study
from routines.train import Build
from tracking import Tracker

__all__ = ["run"]

log = logging.getLogger(__name__)


def run(
    build: Build,
    tracker: Tracker,
    run_folder: Path,
    debug: bool = False,
    *,
    hidden_channels: Mapping[Net, Count],
    nets: Sequence[Net] = NETS,
    augmentations: Sequence[Augmentation] = ("none", "flip", "rotation", "shift"),
    train_sizes: Sequence[Count] = (),
    repeats: Count = 3,
    folds: Annotated[int, Interval(2)] | None = None,
    steps: Count | None = None,
    words: Sequence[str] = (),
) -> dict[str, Any]:
    """Train, compare and draw; returns means and standard deviations over the repeats.

    Args:
        build: makes the parts of a run.
        tracker: gets scalars, figures, and tables.
        run_folder: gets a folder for each training, and figures.
        debug: a few batches of one repeat, two augmentations and the largest size.
        hidden_channels: of each net; with the default ones, all have about as many parameters.
        nets: to train, net=cells_<this>.
        augmentations: to train each of them with; "all" is flips, quarter turns and shifts.
        train_sizes: numbers of training cells; none: as `dataset` says.
        repeats: splits and initialisations of each.
        folds: k-fold cross-validation: each fold is the test split of one repeat in k, and after k
            repeats the cells are dealt out anew; None: every repeat holds out cells at random.
        steps: of the optimiser in each training, whatever its size; None: `train.epochs`.
        words: further settings of every training, such as net.pools=[0,1,2]. (What the command line
            says about net and dataset.augment_* does not count, as each training has its own.)

    Raises:
        ValueError: if nothing is to be trained, or something twice; for settings that some training
            cannot have.
    """
    _check_named_once(nets=nets, augmentations=augmentations, train_sizes=train_sizes)
    if not (nets and augmentations):
        raise ValueError("routine.nets, routine.augmentations: should name at least one each")
    if missing := [net for net in nets if net not in hidden_channels]:
        raise ValueError(f"routine.hidden_channels: says nothing about {missing[0]}")
    settings = Settings(
        nets=nets,
        hidden_channels=hidden_channels,
        augmentations=augmentations,
        train_sizes=train_sizes,
        repeats=repeats,
        folds=folds,
        steps=steps,
        words=words,
    )
    study = Study(build, tracker, run_folder, debug, settings)
    study.check()
    study.run()
    for name, (columns, rows) in tables(study).items():
        tracker.table(name, columns, rows)
        for row in [columns, *rows] if name == "mse" else []:
            log.info("%s", "  ".join(f"{value!s:>20}" for value in row))
    draw(study, run_folder / "figures")
    for path in sorted((run_folder / "figures").glob("*.png")):
        tracker.image(f"figures/{path.stem}", path)
    return figures(study)


def _check_named_once(**settings: Sequence[object]) -> None:
    for name, values in settings.items():
        if twice := [value for value, number in Counter(values).items() if number > 1]:
            raise ValueError(f"routine.{name}: names {twice[0]} more than once")
