"""Learn to be un-equivariant: one convolution, a picture, and the picture's own quarter turn.

A net that is invariant to quarter turns gives both the same scores, whatever it learns: its loss
cannot fall below log 2. By the stride rule it is invariant on 33 pixels and not on 32, and there
it learns to use it (Edixhoven, Lengyel, van Gemert, "Using and Abusing Equivariance", ICCVw 2023).
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from analysis.responses import responses
from analysis.unequivariance import draw_filters, draw_losses
from constructors import Build
from measures.measure import Measured
from measures.own_symmetries import described
from partial_equiv.gconv import GroupFeature
from partial_equiv.refusal import Refusal
from studies.finished import FinishedRun
from tester import evaluate

__all__ = ["report"]


def report(runs: Sequence[FinishedRun], figures: Path) -> Measured:
    """Losses over the steps, and the filters with their answers; of each size the first run's.

    Values: accuracy and loss of each row, and "score_difference", the largest one between the
    scores of the picture and those of its turn.

    Raises:
        ValueError: if a data set has not got two images to test on, or a net no convolution.
    """
    values: dict[str, float] = {}
    curves: dict[int, list[tuple[float, float]]] = {}
    pictures: dict[int, Tensor] = {}
    filters: dict[int, Tensor] = {}
    answers: dict[int, Tensor] = {}
    elements: dict[int, list[str]] = {}
    for run in runs:
        loaded = run.load()
        model, splits, size = loaded.model, loaded.build.splits, loaded.spec.size[0]
        if len(splits.test) != 2:
            raise Refusal("dataset: has more than one image; try dataset=turned_picture")
        if size in curves:  # of another seed
            continue
        untrained = Build(loaded.config).model
        start = evaluate(untrained, splits.test.batches(2), loaded.build.task)
        curves[size] = [(0, start["loss"])]
        curves[size] += [(each["step"], each["val/loss"]) for each in run.history()]
        images, _ = next(splits.test.batches(2))
        found = next(iter(responses(model, images).values()), None)
        if found is None:
            raise Refusal("net: has no convolution to look at; try net=one_conv")
        scores = model(images)
        values |= {
            f"{run.row}/accuracy": run.result["test/accuracy"],
            f"{run.row}/loss": run.result["test/loss"],
            f"{run.row}/score_difference": (scores[0] - scores[1]).abs().max().item(),
        }
        pictures[size], answers[size] = images[0, 0], found.feature.x[:, 0].mean((-2, -1))
        matrices = found.layer.sampling.group.matrix(found.feature.elements[0])
        elements[size] = [described(matrix) for matrix in matrices]
        identity = found.feature.elements[:, :1] * 0
        given = GroupFeature(images[:1, :, None], identity)
        with torch.no_grad():
            weights = found.layer.kernel_weights(given, found.feature.elements)
        filters[size] = weights[0, :, 0, 0, 0]
    losses, learned = figures / "losses.png", figures / "filters.png"
    draw_losses(curves, losses)
    draw_filters(filters, elements, answers, pictures, learned)
    return Measured(values, pictures=[losses, learned])
