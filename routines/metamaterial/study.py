"""The trainings of a study: nets, augmentations, training sizes and splits, each one once.

    <run folder>/<net>-<augmentation>-<cells>-<repeat>/    checkpoints, metrics.jsonl, result.json

A training that is finished in its folder is read from there, one that was interrupted goes on.
"""

import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from datasets.spec import Split
from routines.train import Build, Parts, test_batches
from run_folder import has_checkpoint, is_done, read_result, write_result
from tester import evaluate
from tracking import StageTracker, Tracker, read_metrics
from training.snapshots import load_best

__all__ = ["AUGMENTATIONS", "NETS", "Augmentation", "Net", "Settings", "Study", "Trial"]

Net = Literal["cnn", "flip", "c4", "d4", "shift", "d4_shift"]
Augmentation = Literal["none", "flip", "rotation", "shift", "all"]
NETS: tuple[Net, ...] = get_args(Net)
AUGMENTATIONS: Mapping[Augmentation, tuple[str, ...]] = {  # what moves the training cells
    "none": (),
    "flip": ("flip",),
    "rotation": ("rotation",),
    "shift": ("shift",),
    "all": ("flip", "rotation", "shift"),  # flips and quarter turns span D4
}
KINDS = ("flip", "rotation", "shift", "transpose")
DEBUG_AUGMENTATIONS = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `routines.metamaterial.run` is told, see there."""

    nets: Sequence[Net]
    hidden_channels: Mapping[Net, int]
    augmentations: Sequence[Augmentation]
    train_sizes: Sequence[int]
    repeats: int
    folds: int | None
    steps: int | None
    words: Sequence[str]


@dataclass(frozen=True)
class Trial:
    """One training; `cells` is None for as many as the data set has."""

    net: Net
    augmentation: Augmentation
    cells: int | None
    repeat: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.net}-{self.augmentation}-{self.cells or 'all'}-{self.repeat}"


class Study:
    """All trials, repeat by repeat, so that a study that is cut short has whole repeats."""

    def __init__(
        self, build: Build, tracker: Tracker, run_folder: Path, debug: bool, settings: Settings
    ) -> None:
        self.build, self.tracker, self.run_folder = build, tracker, run_folder
        self.debug, self.settings = debug, settings
        sizes: list[int | None] = [*sorted(settings.train_sizes)] or [None]
        self.sizes = sizes[-1:] if debug else sizes
        self.augmentations = settings.augmentations[: DEBUG_AUGMENTATIONS if debug else None]
        self.seed = build().trainer.seed
        self.results: dict[Trial, dict[str, Any]] = {}

    @property
    def trials(self) -> Iterator[Trial]:
        """Every trial of the study."""
        for repeat in range(1 if self.debug else self.settings.repeats):
            for cells in self.sizes:
                for augmentation in self.augmentations:
                    for net in self.settings.nets:
                        yield Trial(net, augmentation, cells, repeat)

    def check(self) -> None:
        """Construct every net, and the most cells, before the first training takes its time.

        Raises:
            ValueError: for settings that some training cannot have.
        """
        last = self.settings.repeats - 1
        for net in self.settings.nets:
            parts = self.parts(Trial(net, self.augmentations[0], self.sizes[-1], last))
            _ = parts.model, parts.task
        _ = parts.splits

    def run(self) -> None:
        """Train what is not trained yet."""
        trials = list(self.trials)
        for number, trial in enumerate(trials, 1):
            folder = self.run_folder / trial.name
            if not is_done(folder):
                log.info("%d of %d: %s", number, len(trials), trial.name)
                write_result(folder, self._train(trial))
            self.results[trial] = read_result(folder)

    def values(
        self, net: Net, augmentation: Augmentation, cells: int | None, name: str
    ) -> list[float]:
        """A figure of all repeats."""
        return [
            result[name]
            for trial, result in self.results.items()
            if (trial.net, trial.augmentation, trial.cells) == (net, augmentation, cells)
        ]

    def history(self, trial: Trial) -> tuple[list[int], list[float]]:
        """Steps, and the validation's MSE after each of them."""
        records = read_metrics(self.run_folder / trial.name)
        records = [record for record in records if "val/loss" in record]
        return [each["step"] for each in records], [each["val/loss"] for each in records]

    @torch.no_grad()
    def answers(self, trial: Trial) -> tuple[Tensor, Tensor, Tensor]:
        """The test cells [N, 1, H, W] in 0..1, their stiffness [N, 6] and what the net says."""
        parts = self.parts(trial)
        model, spec = parts.model.eval(), parts.splits.spec
        load_best(model, self.run_folder / trial.name)
        mean, std = (torch.tensor(each).view(-1, 1, 1) for each in (spec.mean, spec.std))
        batches = list(test_batches(parts.splits.test, parts.trainer.batch_size, self.debug))
        cells = torch.cat([images for images, _ in batches]) * std + mean
        labels = torch.cat([labels for _, labels in batches])
        return cells, labels, torch.cat([model(images) for images, _ in batches])

    def parts(self, trial: Trial) -> Parts:
        """What a trial is made of."""
        moved = AUGMENTATIONS[trial.augmentation]
        settings, folds = self.settings, self.settings.folds
        return self.build(
            f"net=cells_{trial.net}",
            f"net.hidden_channels={settings.hidden_channels[trial.net]}",
            *(f"dataset.augment_{kind}={kind in moved}" for kind in KINDS),
            *([f"dataset.train_size={trial.cells}"] if trial.cells else []),
            f"dataset.split_seed={trial.repeat}",
            *([f"dataset.folds={folds}"] if folds else []),
            f"seed={self.seed + trial.repeat}",
            *settings.words,
        )

    def _train(self, trial: Trial) -> dict[str, Any]:
        folder, parts = self.run_folder / trial.name, self.parts(trial)
        splits, trainer = parts.splits, parts.trainer
        trainer = replace(
            trainer,
            run_folder=folder,
            tracker=StageTracker(self.tracker, trial.name, folder),
            resume=folder if has_checkpoint(folder) else None,
            epochs=self._epochs(splits.train, trainer.batch_size) or trainer.epochs,
        )
        fit = trainer.fit(parts.model, splits, parts.task)
        started = time.perf_counter()
        batches = test_batches(splits.test, trainer.batch_size, self.debug)
        test = evaluate(parts.model, batches, parts.task)
        return {
            **{f"test/{name}": value for name, value in test.items()},
            f"val/{parts.task.monitor}": fit.best_value,
            "best_epoch": fit.best_epoch,
            "epochs": fit.epochs_run,
            "cells": len(splits.train),
            "parameters": num_parameters(parts.model),
            "seconds/train": fit.seconds,
            "seconds/test": time.perf_counter() - started,
        }

    def _epochs(self, train: Split, batch_size: int) -> int | None:
        steps = self.settings.steps
        return None if steps is None else math.ceil(steps / train.num_batches(batch_size))


def num_parameters(model: nn.Module) -> int:
    """Learned numbers of a model."""
    return sum(parameter.numel() for parameter in model.parameters())
