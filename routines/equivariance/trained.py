"""Nets trained upright: errors of their layers through training, accuracies on turned images."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan, pi
from statistics import fmean

import torch
from torch import Tensor, nn

from datasets.framing import circle_crop
from datasets.spec import DataSpec, Split
from partial_equiv.equivariance import act_on_images, equivariance_error
from partial_equiv.groups import SO2
from routines.equivariance.untrained import own_actions
from routines.train import Parts
from tester import evaluate
from tracking import StageTracker, Tracker

__all__ = ["QUARTERS", "Trained", "train", "turned"]

QUARTERS = (0, 90, 180, 270)
TEST_BATCH = 256
PREFIX = "equivariance/"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What a training came to.

    Attributes:
        name: of the net.
        seed: of the training.
        history: relative errors of the layers, by name, before training (epoch 0) and after each
            epoch; those that are finite.
        error: that of the output, at the end; NaN if it is the same for every image.
        accuracies: by the angle of the test images, in degrees.
    """

    name: str
    seed: int
    history: list[tuple[int, dict[str, float]]]
    error: float
    accuracies: dict[float, float]

    @property
    def seen(self) -> float:
        """Accuracy at the angle of the training images."""
        return self.accuracies[0]

    @property
    def unseen(self) -> float:
        """Accuracy over the four quarter turns."""
        return fmean(self.accuracies[angle] for angle in QUARTERS)

    def rows(self) -> list[dict[str, object]]:
        """The accuracies, as rows of a table."""
        about = {"net": self.name, "seed": self.seed}
        return [
            {**about, "degrees": angle, "accuracy": value}
            for angle, value in self.accuracies.items()
        ]


def train(
    parts: Parts,
    name: str,
    seed: int,
    tracker: Tracker,
    *,
    angles: Sequence[float],
    num_images: int,
    num_tests: int | None,
) -> Trained:
    """Train a net, or take up the training in its folder, and measure it.

    Args:
        parts: of the training.
        name: of the net.
        seed: of the training.
        tracker: of the run.
        angles: to test at, in degrees.
        num_images: that errors are measured on.
        num_tests: images to test on, drawn once and for all; None: all of them.
    """
    model, splits, folder = parts.model, parts.splits, parts.trainer.run_folder
    images, _ = next(splits.val.batches(num_images))

    def probe(net: nn.Module) -> dict[str, float]:
        device = next(net.parameters()).device
        try:
            layers = equivariance_error(net, own_actions(net), images.to(device)).layers
        except ValueError:  # the net has collapsed, it gives all images the same scores
            return {}
        errors = {PREFIX + layer.label: layer.mean.relative for layer in layers}
        return {name: error for name, error in errors.items() if isfinite(error)}

    log.info("%s, seed %d", name, seed)
    start = probe(model)
    stage = StageTracker(tracker, f"{name}_{seed}", folder)
    fit = replace(parts.trainer, tracker=stage, probe=probe).fit(model, splits, parts.task)
    history = [(0, _errors(start)), *((int(each["epoch"]), _errors(each)) for each in fit.history)]
    tests = list(_drawn(splits.test, num_tests))
    accuracies = {angle: _accuracy(parts, tests, angle) for angle in angles}
    error = probe(model).get(f"{PREFIX}output", nan)
    return Trained(name, seed, history, error, accuracies)


def _drawn(split: Split, number: int | None) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of a split, or of so many of its samples, which may lie in the order of classes."""
    if number is None:
        yield from split.batches(TEST_BATCH)
        return
    for images, targets in split.batches(min(number, TEST_BATCH), seed=0):
        yield images[:number], targets[:number]
        number -= len(images)
        if number <= 0:
            return


def _accuracy(parts: Parts, batches: Iterable[tuple[Tensor, Tensor]], degrees: float) -> float:
    """The accuracy on images that are turned by an angle."""
    spec = parts.splits.spec
    moved = ((turned(images, spec, degrees), classes) for images, classes in batches)
    return evaluate(parts.model, moved, parts.task)["accuracy"]


def _errors(record: Mapping[str, float]) -> dict[str, float]:
    """The errors of layers in a record."""
    return {key.removeprefix(PREFIX): v for key, v in record.items() if key.startswith(PREFIX)}


def turned(images: Tensor, spec: DataSpec, degrees: float) -> Tensor:
    """Normalised images [B, C, H, W] turned counter-clockwise, bilinearly, on black."""
    mean, std = (images.new_tensor(values).view(-1, 1, 1) for values in (spec.mean, spec.std))
    angle = torch.tensor([degrees * pi / 180], dtype=torch.float64)
    plain = act_on_images(SO2().matrix(angle).to(images), images * std + mean)
    return ((circle_crop(plain) if spec.circle_crop else plain) - mean) / std
