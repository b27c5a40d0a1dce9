"""Where equivariance breaks: at which input sizes, in which layers, and what that does to accuracy.

    untrained   nets of several strides and depths, on every size: does the stride rule break them?
    trained     nets trained upright: the error of every layer after each epoch, the accuracy at
                every test angle, and on images as seen in training against unseen quarter turns

The protocol of Edixhoven, Lengyel, van Gemert, "Using and Abusing Equivariance" (ICCVw 2023): test
images are turned bilinearly, and cropped to their inscribed disc if those of training are.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, ClassVar

from analysis.broken_equivariance import (
    draw_accuracies_over_angles,
    draw_errors_over_layers,
    draw_errors_over_sizes,
)
from partial_equiv.equivariance import inexact_layers
from partial_equiv.intervals import Count
from routines.equivariance.trained import QUARTERS, Trained, train
from routines.equivariance.untrained import TOLERANCE, errors_over_sizes
from routines.train import Build
from tracking import Tracker

__all__ = ["run"]

DEBUG_SIZES, DEBUG_ANGLES, DEBUG_TESTS = 2, 4, 64
NAME = re.compile(r"[\w.+-]+")  # it stands in the names of figures and in keys of the result


@dataclass(frozen=True)
class Variant:
    """A net and its data: what they are called, and the command-line words that make them."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    name: str
    words: Sequence[str] = ()


def run(
    build: Build,
    tracker: Tracker,
    run_folder: Path,
    debug: bool = False,
    *,
    untrained: Sequence[Variant],
    trained: Sequence[Variant],
    sizes: Sequence[Count] = (27, 28, 29, 32, 33),
    num_images: Count = 8,
    num_angles: Count = 36,
    num_tests: Count | None = None,
    num_seeds: Count = 1,
) -> dict[str, Any]:
    """Measure, train and measure again; returns what it comes to, by flat names.

    Args:
        build: makes the parts of each training.
        tracker: gets scalars, figures and the tables "sizes" (a row for each untrained net and
            size), "angles" (for each trained net, seed and angle) and "seen_unseen" (for each
            trained net).
        run_folder: gets a folder for each training, and figures.
        debug: a few batches, sizes and angles.
        untrained: nets to measure as they are initialised.
        trained: nets to train.
        sizes: of the noise images, in pixels, that the untrained nets are measured on.
        num_images: that an error is measured on; two at least.
        num_angles: equal steps of a full turn to test at; quarter turns and 45° come on top.
        num_tests: test images to turn, drawn once and for all; None: all of them.
        num_seeds: trainings of each net, from the run's seed on.

    Raises:
        ValueError: if there is nothing to measure, two nets have one name, a net cannot be made or
            does not classify, or its images are too small for it.
    """
    _check(build, untrained, trained, sizes, num_images)
    figures, result = run_folder / "figures", dict[str, Any]()
    sizes = sizes[:DEBUG_SIZES] if debug else sizes
    if untrained:
        found = {
            each.name: errors_over_sizes(each.name, build(*each.words), sizes, num_images)
            for each in untrained
        }
        _table(tracker, "sizes", [row for rows in found.values() for row in rows])
        errors = {
            name: {row["size"]: row["relative"] for row in rows} for name, rows in found.items()
        }
        draw_errors_over_sizes(errors, TOLERANCE, figures / "error_over_size.png")
        for name, curve in errors.items():
            result |= {f"untrained/{name}/{size}": error for size, error in curve.items()}
    if trained:
        settings: dict[str, Any] = {
            "angles": _angles(DEBUG_ANGLES if debug else num_angles),
            "num_images": num_images,
            "num_tests": DEBUG_TESTS if debug else num_tests,
        }
        nets = []
        for each in trained:
            first = build(*each.words).trainer.seed
            for seed in range(first, first + num_seeds):
                parts = build(*each.words, f"seed={seed}")
                nets.append(train(parts, each.name, seed, tracker, **settings))
        names = [each.name for each in trained]
        rows = [row for net in nets for row in net.rows()]
        _table(tracker, "angles", rows)
        regular = num_angles % 8 == 0  # else 45° alone would dent the curves
        curves = {name: _mean_curve(nets, name, with_45=regular) for name in names}
        draw_accuracies_over_angles(curves, figures / "accuracy_over_angle.png")
        histories = {net.name: net.history for net in reversed(nets)}  # of the first seed
        draw_errors_over_layers(
            {name: histories[name] for name in names},
            TOLERANCE,
            figures / "error_over_layers.png",
        )
        summary = [_summary(name, [net for net in nets if net.name == name]) for name in names]
        _table(tracker, "seen_unseen", summary)
        for row in summary:
            result |= {f"{row['net']}/{key}": value for key, value in row.items() if key != "net"}
    for path in sorted(figures.glob("*.png")):
        tracker.image(f"figures/{path.stem}", path)
    return result


def _check(
    build: Build,
    untrained: Sequence[Variant],
    trained: Sequence[Variant],
    sizes: Sequence[int],
    num_images: int,
) -> None:
    """Refuse before hours of training what could not be finished."""
    if not (untrained or trained):
        raise ValueError("routine.untrained=[], routine.trained=[]: name a net in one of them")
    if untrained and not sizes:
        raise ValueError("routine.sizes=[]: name one at least")
    if num_images < 2:
        raise ValueError(f"routine.num_images={num_images}: two different ones at least")
    for key, variants in (("untrained", untrained), ("trained", trained)):
        names = [each.name for each in variants]
        for number, each in enumerate(variants):
            place = f"routine.{key}[{number}]"
            if not NAME.fullmatch(each.name):
                reason = "should be letters, digits and any of . _ + -"
                raise ValueError(f"{place}.name={each.name}: {reason}")
            if names.index(each.name) < number:
                raise ValueError(f"{place}.name={each.name}: another net is called so")
            try:
                parts = build(*each.words)
                if key == "trained":  # one image through it: is it large enough?
                    inexact_layers(parts.model, parts.spec.in_channels, parts.spec.size)
                _ = parts.model
            except (RuntimeError, ValueError) as error:
                lines = str(error).splitlines()
                raise ValueError("\n".join(f"{place}: {line}" for line in lines)) from error
            if key == "trained" and parts.task.monitor != "accuracy":
                raise ValueError(f"{place}: its accuracy is asked for, use task=classification")


def _angles(number: int) -> list[float]:
    """Equal steps of a full turn, with the quarters and the worst angle between two of them."""
    return sorted({*(360 * step / number for step in range(number)), *QUARTERS, 45})


def _mean_curve(nets: Sequence[Trained], name: str, *, with_45: bool) -> dict[float, float]:
    """Accuracies of a net over the angle: means over its seeds."""
    own = [net.accuracies for net in nets if net.name == name]
    angles = [angle for angle in own[0] if with_45 or angle != 45]
    return {angle: fmean(each[angle] for each in own) for angle in angles}


def _summary(name: str, nets: Sequence[Trained]) -> dict[str, Any]:
    """A net's row in the table of results: means over its seeds, and deviations."""
    values: dict[str, list[float]] = {
        "seen": [net.seen for net in nets],
        "unseen": [net.unseen for net in nets],
        "equivariance_error": [net.error for net in nets],
        **{
            f"accuracy_{angle}": [net.accuracies[angle] for net in nets]
            for angle in (*QUARTERS, 45)
        },
    }
    deviations = {f"{key}_std": stdev(values[key]) for key in ("seen", "unseen") if len(nets) > 1}
    return {"net": name, **{key: fmean(each) for key, each in values.items()}, **deviations}


def _table(tracker: Tracker, name: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Track a table of rows that have the same columns."""
    tracker.table(name, list(rows[0]), [list(row.values()) for row in rows])
