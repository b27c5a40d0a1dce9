"""The main job: train on the training split, select on validation, test the best model, draw."""

import logging
import time
from collections.abc import Iterator
from inspect import signature
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from analysis.learned_ranges import draw_learned_ranges
from datasets.spec import DataSpec, Split, Splits
from partial_equiv.equivariance import inexact_layers
from partial_equiv.sampling import learned_subsets, samplings
from tasks import Task
from tester import evaluate
from tracking import Tracker
from trainer import Trainer

__all__ = ["Parts", "run"]

DEBUG_BATCHES = 3

log = logging.getLogger(__name__)


class Parts(Protocol):
    """What `build` makes: each part when it is first asked for."""

    model: nn.Module
    spec: DataSpec
    splits: Splits
    task: Task
    trainer: Trainer


class Build(Protocol):
    """Composes a run afresh, with further command-line words."""

    def __call__(self, *overrides: str) -> Parts: ...


def run(build: Build, tracker: Tracker, run_folder: Path, debug: bool = False) -> dict[str, Any]:
    """Train, test and look; returns the final figures by flat names."""
    parts = build()
    model, splits, trainer = parts.model, parts.splits, parts.trainer
    pools = "pool" in signature(type(model)).parameters
    advice = " (net.pool=blur is exact on every size)" if pools else ""
    for name, size in inexact_layers(model, splits.spec.in_channels, splits.spec.size):
        log.warning(
            "%s subsamples %d pixels off centre: equivariance is no longer exact from there on%s",
            name,
            size,
            advice,
        )
    start = {f"range/{name}": value for name, value in learned_subsets(model).items()}
    fit = trainer.fit(model, splits, parts.task)
    started = time.perf_counter()
    test = evaluate(model, test_batches(splits.test, trainer.batch_size, debug), parts.task)
    seconds = time.perf_counter() - started
    ranges = {f"range/{name}": value for name, value in learned_subsets(model).items()}
    if ranges:
        figure = run_folder / "figures" / "learned_ranges.png"
        layers = [name for name, _ in samplings(model)]
        draw_learned_ranges([{"epoch": 0, **start}, *fit.history], layers, figure)
        tracker.image("figures/learned_ranges", figure)
    tracker.artifact("model", run_folder / "checkpoints" / "best.pt", "model")
    return {
        **{f"test/{name}": value for name, value in test.items()},
        f"val/{parts.task.monitor}": fit.best_value,
        **ranges,
        "best_epoch": fit.best_epoch,
        "epochs": fit.epochs_run,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seconds/train": fit.seconds,
        "seconds/test": seconds,
    }


def test_batches(split: Split, batch_size: int, debug: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches to test on; a few of them in a dry run."""
    batches = split.batches(batch_size)
    return islice(batches, DEBUG_BATCHES) if debug else batches
