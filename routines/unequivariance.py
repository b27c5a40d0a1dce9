"""Learn to be un-equivariant: one convolution, a picture, and the picture's own quarter turn.

A net that is invariant to quarter turns gives both the same scores, whatever it learns: its loss
cannot fall below log 2. By the stride rule it is invariant on 33 pixels and not on 32, and there
it learns to use it (Edixhoven, Lengyel, van Gemert, "Using and Abusing Equivariance", ICCVw 2023).
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from math import atan2, degrees
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from analysis.responses import responses
from analysis.unequivariance import draw_filters, draw_losses
from partial_equiv.gconv import GroupFeature
from partial_equiv.intervals import Count
from routines.train import Build
from tester import evaluate
from tracking import StageTracker, Tracker

__all__ = ["run"]

log = logging.getLogger(__name__)


def run(
    build: Build,
    tracker: Tracker,
    run_folder: Path,
    debug: bool = False,
    *,
    sizes: Sequence[Count] = (32, 33),
) -> dict[str, Any]:
    """Train a net on each size of the picture; returns what they come to, by flat names.

    Args:
        build: makes the parts of each training.
        tracker: gets scalars and figures.
        run_folder: gets a folder for each training, and figures.
        debug: a few steps.
        sizes: of the picture, in pixels.

    Raises:
        ValueError: if there is no size, or one twice, if the data set has not got two images to
            test on, or the net no convolution.
    """
    if not sizes or len(set(sizes)) < len(sizes):
        raise ValueError(f"routine.sizes={list(sizes)}: name one at least, each once")
    result: dict[str, Any] = {}
    curves: dict[int, list[tuple[float, float]]] = {}
    pictures: dict[int, Tensor] = {}
    filters: dict[int, Tensor] = {}
    answers: dict[int, Tensor] = {}
    elements: dict[int, list[str]] = {}
    for size in sizes:
        parts = build(f"dataset.size={size}")
        model, splits, task = parts.model, parts.splits, parts.task
        if len(splits.test) != 2:
            raise ValueError("dataset: has more than one image; try dataset=turned_picture")
        start = evaluate(model, splits.test.batches(2), task)
        name = f"size_{size}"
        folder = parts.trainer.run_folder
        trainer = replace(parts.trainer, tracker=StageTracker(tracker, name, folder))
        log.info("%d x %d pixels", size, size)
        history = trainer.fit(model, splits, task).history
        end = evaluate(model, splits.test.batches(2), task)
        curves[size] = [(0, start["loss"])] + [(each["step"], each["val/loss"]) for each in history]
        result |= {f"{name}/{what}": value for what, value in end.items()}
        images, _ = next(splits.test.batches(2))
        model.eval().cpu()
        found = next(iter(responses(model, images).values()), None)
        if found is None:
            raise ValueError("net: has no convolution to look at; try net=one_conv")
        scores = model(images).detach()
        result[f"{name}/score_difference"] = (scores[0] - scores[1]).abs().max().item()
        pictures[size], answers[size] = images[0, 0], found.feature.x[:, 0].mean((-2, -1))
        matrices = found.layer.sampling.group.matrix(found.feature.elements[0])
        elements[size] = [_described(matrix) for matrix in matrices]
        with torch.no_grad():
            identity = found.feature.elements[:, :1] * 0
            given = GroupFeature(images[:1, :, None], identity)
            weights = found.layer.kernel_weights(given, found.feature.elements)
        filters[size] = weights[0, :, 0, 0, 0]
    figures = run_folder / "figures"
    draw_losses(curves, figures / "losses.png")
    draw_filters(filters, elements, answers, pictures, figures / "filters.png")
    for path in sorted(figures.glob("*.png")):
        tracker.image(f"figures/{path.stem}", path)
    return result


def _described(matrix: Tensor) -> str:
    """What an element does, by its matrix [2, 2].

    >>> _described(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    'turned by 90°'
    """
    angle = round(degrees(atan2(matrix[0, 1].item(), matrix[1, 1].item()))) % 360
    return f"{'mirrored, ' if torch.det(matrix) < 0 else ''}turned by {angle}°"
