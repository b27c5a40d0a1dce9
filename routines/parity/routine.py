"""Mirror parity: one net with and without the mirror, trained on mirrored images or not.

    baseline  the config's net without any symmetry, base_group=T2
    parity    the config's net on the config's group, on all of it
    partial   the same, but each layer learns which part of the group to keep

Every net is trained with every probability to mirror an image, selected on images mirrored with the
same probability, and tested on the test images as they are and on their mirror images, with the
same targets. A net that is invariant to the mirror scores the same on both.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from partial_equiv.intervals import Count, Fraction
from routines.parity.outcomes import WORDS, Net, check, first_images, outcome
from routines.parity.reports import draw, write_tables
from routines.train import Build
from tracking import Tracker

__all__ = ["run"]

DEBUG_IMAGES = 8

log = logging.getLogger(__name__)


def run(
    build: Build,
    tracker: Tracker,
    run_folder: Path,
    debug: bool = False,
    *,
    nets: Sequence[Net] = ("baseline", "parity"),
    probabilities: Sequence[Fraction] = (0.0, 0.5, 1.0),
    num_images: Count = 200,
) -> dict[str, Any]:
    """Train, test and compare the nets; returns figures by flat names, <net>_<probability>/….

    What is trained already in the run folder is not trained again.

    Args:
        build: makes the parts of a run.
        tracker: gets scalars, weights, figures and the tables "results" (a row for each training),
            "comparison" (the nets side by side) and "sensitivity" (a row for each layer).
        run_folder: gets a folder for each training, and figures.
        debug: a few batches, a few images.
        nets: to train.
        probabilities: to mirror an image, in training.
        num_images: test images to measure the layers on; two at least.

    Raises:
        ValueError: if nothing is to be trained, something twice, if the task is not to classify, or
            if the group of a net that is to know the mirror does not hold it.
    """
    chances = [f"{chance:g}" for chance in probabilities]  # as they stand in names of folders
    for name, given, told in (("nets", nets, nets), ("probabilities", probabilities, chances)):
        if not told or len(set(told)) < len(told):
            raise ValueError(f"routine.{name}={list(given)}: name one at least, each once")
    if num_images < 2:
        raise ValueError(f"routine.num_images={num_images}: two different ones at least")
    for net in nets:  # before any of them is trained
        check(net, build(*WORDS[net]))
    num_images = DEBUG_IMAGES if debug else num_images
    splits = build().splits
    outcomes = [
        outcome(net, chance, build(*WORDS[net]), splits, tracker, run_folder, debug, num_images)
        for chance in probabilities
        for net in nets
    ]
    write_tables(outcomes, tracker)
    figures = run_folder / "figures"
    draw(outcomes, first_images(splits.test, num_images), splits.spec, figures)
    for path in sorted(figures.glob("*.png")):
        tracker.image(f"figures/{path.stem}", path)
    return {f"{each.name}/{key}": value for each in outcomes for key, value in each.values.items()}
