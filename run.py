"""A run: one training, its test and its measures, in one folder.

There is no other training in this project: each net of a study, each stage of a discovery is one.
With test=False it ends with the training: a trial, which the validation images alone judge.
A finished run that is called again trains no further than `train.epochs` says, and is measured.
"""

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from analysis.averaging_weights import draw_averaging_weights
from analysis.learned_ranges import draw_learned_ranges
from analysis.relaxations import DEFECT, draw_relaxations
from constructors import Build
from datasets.recorded_spec import write_spec
from measures.measure import Probe, Subject
from partial_equiv.equivariance import defects, inexact_layers, needs_images
from partial_equiv.gconv import SpatialPool
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations import numbers, relaxations_of
from run_folder import is_done, read_result
from tasks import per_class
from tester import evaluate
from tracking import Tracker

__all__ = ["follow", "run", "warnings"]

log = logging.getLogger(__name__)

DEFECT_IMAGES = 8  # of the validation split, for a relaxation that depends on them


def run(
    build: Build,
    folder: Path,
    *,
    name: str = "",
    group: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Train, test and measure what a config says.

    Args:
        build: makes the parts of the run.
        folder: of the run.
        name: of the run, in its tracker.
        group: of the study or sweep that the run belongs to.
        about: what its tracker is told beside the config, such as the program's commit.

    Returns:
        The final figures, by flat names: test/…, val/…, range/…, <measure>/….
    """
    tracker = build.tracker(folder, name=name, group=group, about=about or {})
    result: dict[str, Any] = {}
    try:
        result = _run(build, folder, tracker)
    finally:
        tracker.finish(result)
    return result


def follow(build: Build, folder: Path, *, resumes: bool) -> None:
    """The part of a run that falls to its further processes: they train along, and leave nothing.

    Args:
        build: makes the parts of the run, as in its first process.
        folder: of the run, which all processes can read.
        resumes: whether the run goes on from its checkpoint there.

    Raises:
        Refusal: if it does, and this process does not see the checkpoint.
    """
    trainer = build.trainer(folder, None)
    if resumes and trainer.resume is None:
        reason = (
            "this process does not see the checkpoint there; all machines must share the folder"
        )
        raise Refusal(f"{folder}: {reason}")
    trainer = replace(trainer, resume=folder if resumes else None)
    trainer.fit(build.model, build.splits, build.task)


def _run(build: Build, folder: Path, tracker: Tracker) -> dict[str, Any]:
    started = time.perf_counter()
    model, splits, task = build.model, build.splits, build.task
    write_spec(folder, build.spec)
    for warning in warnings(build):
        log.warning("%s", warning)
    probe, defect = _probe(build), _defect(build)
    before = {"epoch": 0, **numbers(model), **defect(model), **probe(model)}
    trainer = build.trainer(folder, tracker, lambda model: {**defect(model), **probe(model)})
    fit = trainer.fit(model, splits, task)
    earlier = _earlier(folder, fit.epochs_run)
    model.eval().requires_grad_(False)
    best = {f"val/{task.monitor}": fit.best_value} if fit.best_epoch else {}
    result: dict[str, Any] = {
        **best,
        **numbers(model),
        **defect(model),
        "best_epoch": fit.best_epoch,
        "epochs": fit.epochs_run,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "samples": len(splits.train),
        "seconds/train": fit.seconds,
    }
    if trainer.precision == "auto":  # else the config says it
        result["precision"] = fit.precision
    if build.tests:
        history = [before, *fit.history]
        limits = trainer.batch_size, trainer.max_batches
        trainer = replace(trainer, precision=fit.precision)
        subject = Subject(model, splits, task, history, folder, trainer.seed, *limits, trainer)
        result |= _looked_at(build, subject, tracker)
    result["seconds/run"] = time.perf_counter() - started + earlier.get("seconds/run", 0.0)
    return {**earlier, **result}  # other measures of the same net still hold


def _looked_at(build: Build, subject: Subject, tracker: Tracker) -> dict[str, Any]:
    """Test the trained net, draw what it learned, take the measures; the figures of it all."""
    started = time.perf_counter()
    test = evaluate(subject.model, subject.batches(subject.splits.test), subject.task)
    if accuracies := per_class(test):
        tracker.table("test/per_class", ("class", "accuracy"), accuracies)
    seconds = time.perf_counter() - started
    _draw_learned(subject, tracker)
    _draw_relaxations(subject, tracker)
    tracker.artifact("model", subject.folder / "checkpoints" / "best.pt", "model")
    told = {f"test/{name}": value for name, value in test.items()}
    return {**told, "seconds/test": seconds, **_measured(build, subject, tracker)}


def _earlier(folder: Path, epochs: int) -> dict[str, Any]:
    """What a finished run in the folder came to, if its net is still the same.

    Else its figures and tables go, too: they show a net of fewer epochs.
    """
    if not is_done(folder):
        return {}
    if (earlier := read_result(folder)).get("epochs") == epochs:
        return earlier
    for place in ("figures", "tables"):
        shutil.rmtree(folder / place, ignore_errors=True)
    return {}


def warnings(build: Build) -> list[str]:
    """Which layers break exact equivariance by their stride, and what helps, if something does."""
    model, spec = build.model, build.shown
    found = []
    for name, size in inexact_layers(model, spec.in_channels, spec.size):
        pooled = build.takes("net", "pool") and isinstance(model.get_submodule(name), SpatialPool)
        advice = " (not with net.pool=blur)" if pooled else ""
        found.append(
            f"{name} subsamples {size} pixels off centre: "
            f"equivariance is no longer exact from there on{advice}"
        )
    return found


def _measured(build: Build, subject: Subject, tracker: Tracker) -> dict[str, Any]:
    """Take all measures of the config; their values."""
    values: dict[str, Any] = {}
    for name, measure in build.measures.items():
        log.info("measuring: %s", name)
        with torch.random.fork_rng():
            found = measure.measure(subject)
        values |= {f"{name}/{key}": value for key, value in found.values.items()}
        for table, (columns, rows) in found.tables.items():
            tracker.table(f"{name}/{table}", columns, rows)
        for picture in found.pictures:
            tracker.image(f"figures/{picture.stem}", picture)
    return values


def _draw_learned(subject: Subject, tracker: Tracker) -> None:
    """Draw what the layers learned: a figure for each kind of their numbers, over training."""
    layers = [name for name, _ in relaxations_of(subject.model)]
    for kind in dict.fromkeys(name.partition("/")[0] for name in numbers(subject.model)):
        picture = subject.picture("learned_ranges" if kind == "range" else f"learned_{kind}")
        if kind == "averaging":
            draw_averaging_weights(subject.history[-1], layers, picture)
        else:
            draw_learned_ranges(subject.history, layers, picture, prefixes=[f"{kind}/"])
        tracker.image(f"figures/{picture.stem}", picture)


def _draw_relaxations(subject: Subject, tracker: Tracker) -> None:
    """Draw that beside the defect and the errors by angle, if there is a layer with a defect."""
    known = [name.partition("/") for name in subject.history[-1]]
    if layers := [layer for kind, _, layer in known if kind == DEFECT and layer]:
        picture = subject.picture("relaxations")
        kinds = dict.fromkeys(name.partition("/")[0] for name in numbers(subject.model))
        draw_relaxations(subject.history, layers, list(kinds), picture)
        tracker.image(f"figures/{picture.stem}", picture)


def _defect(build: Build) -> Callable[[nn.Module], Mapping[str, float]]:
    """How far a net's weights are from equivariant ones, on some images if they depend on them, and
    what penalties say of them."""
    images, symmetry = None, build.task.symmetry(build.shown)
    if needs_images(build.model):
        images, _ = next(build.splits.val.batches(DEFECT_IMAGES))

    def look(model: nn.Module) -> Mapping[str, float]:
        device = next((each.device for each in model.parameters()), torch.device("cpu"))
        found = defects(model, None if images is None else images.to(device))
        if symmetry is not None:  # without one, no penalty is allowed
            for penalty in build.penalties.values():
                found |= penalty.numbers(model, symmetry)
        return found

    return look


def _probe(build: Build) -> Callable[[nn.Module], Mapping[str, float]]:
    """All probes of the config as one, with the images that they look at."""
    looks: list[tuple[Probe, Tensor]] = []
    for probe in build.probes.values():
        images, _ = next(build.splits.val.batches(probe.num_images))
        looks.append((probe, images))

    def look(model: nn.Module) -> dict[str, float]:
        device = next((each.device for each in model.parameters()), torch.device("cpu"))
        found: dict[str, float] = {}
        for probe, images in looks:
            found |= probe.look(model, images.to(device))
        return found

    return look
