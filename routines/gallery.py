"""Look at a trained net: its ranges, kernels, feature maps, beliefs under rotation, and confusions.

Of a finished run (`routine.run=<run folder>`) the net, the data and the weights are those of that
run, whatever else the command line says; the figures join its own. Without one, a net is trained
first.
"""

import logging
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from analysis.confusion import confusion_matrix, draw_confusion
from analysis.feature_maps import draw_feature_maps
from analysis.kernels import draw_kernel
from analysis.learned_ranges import draw_learned_ranges
from analysis.responses import responses
from analysis.turn import draw_turn, probabilities_over_turn, swing
from analysis.turntable import turned
from datasets.spec import DataSpec, Split
from partial_equiv.intervals import Count
from partial_equiv.sampling import learned_subsets, samplings
from routines import train
from run_folder import claim
from tracking import Tracker, read_metrics
from training.snapshots import load_best

__all__ = ["run"]

DEBUG_IMAGES, DEBUG_ANGLES = 2, 4
MOST_CLASSES = 10  # panels that one can still read

log = logging.getLogger(__name__)


class Build(train.Build, Protocol):
    """Composes a run afresh, or takes the config of a finished one."""

    def finished(self, folder: Path) -> train.Parts: ...


def run(
    build: Build,
    tracker: Tracker,
    run_folder: Path,
    debug: bool = False,
    *,
    run: Path | None = None,
    num_images: Count = 25,
    num_angles: Count = 72,
    mirror: bool | None = None,
) -> dict[str, Any]:
    """Draw the figures into the run folder; returns what they come to, by flat names.

    Args:
        build: makes the parts of a run.
        tracker: gets the figures.
        run_folder: of this job.
        debug: a few images at a few angles.
        run: the folder of the finished run to look at; None trains one here first.
        num_images: of each class (of the first ten), to be turned through 360 degrees.
        num_angles: of that turn.
        mirror: turn mirrored images too; None does so if the net's group has mirrors.

    Raises:
        ValueError: if there is no finished run in the folder, or its checkpoint does not fit.
        Occupied: if another process is at work there.
    """
    if run is None:
        result = train.run(build, tracker, run_folder, debug)
        return result | _look(build(), tracker, run_folder, debug, num_images, num_angles, mirror)
    parts = build.finished(run)
    with claim(run):
        return _look(parts, tracker, run, debug, num_images, num_angles, mirror)


def _look(
    parts: train.Parts,
    tracker: Tracker,
    folder: Path,
    debug: bool,
    num_images: int,
    num_angles: int,
    mirror: bool | None,
) -> dict[str, Any]:
    """Draw all figures of the run in a folder."""
    model, spec, test = parts.model, parts.splits.spec, parts.splits.test
    start = {f"range/{name}": value for name, value in learned_subsets(model).items()}
    load_best(model, folder)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).eval()
    if debug:
        num_images, num_angles = min(num_images, DEBUG_IMAGES), min(num_angles, DEBUG_ANGLES)

    def path(name: str) -> Path:
        drawn.append(folder / "figures" / f"{name}.png")
        return drawn[-1]

    drawn: list[Path] = []
    history = [record for record in read_metrics(folder) if start.keys() <= record.keys()]
    if start and history:
        layers = [name for name, _ in samplings(model)]
        draw_learned_ranges([{"epoch": 0, **start}, *history], layers, path("learned_ranges"))
    images, classes = _some_of_each_class(test, num_images, spec, device)
    answers = responses(model, turned(images[:1], spec, 0))
    for kind, lifts in (("kernel_lifting", True), ("kernel_group", False)):
        for name, answer in answers.items():
            if (answer.read is None) == lifts:
                draw_kernel(answer, name, path(kind))
                break
    if answers:
        draw_feature_maps(model, images[0], spec, path("feature_maps"))
    result = {}
    with torch.inference_mode():
        tells = isinstance(model(images[:1]), Tensor)  # an autoencoder tells no classes
    if spec.num_classes and tells:
        names = spec.class_names or tuple(map(str, range(spec.num_classes)))
        beliefs = probabilities_over_turn(model, images, spec, num_angles)
        result["gallery/swing"] = swing(beliefs, classes)
        mirrored = None
        if _has_mirrors(model) if mirror is None else mirror:
            mirrored = probabilities_over_turn(model, images, spec, num_angles, mirrored=True)
        draw_turn(beliefs, classes, names, path("turn"), mirrored=mirrored)
        batches = train.test_batches(test, parts.trainer.batch_size, debug)
        counts = confusion_matrix(model, batches, spec.num_classes)
        result["test/accuracy"] = (counts.diagonal().sum() / counts.sum()).item()
        draw_confusion(counts, names, path("confusion"))
    for each in drawn:
        tracker.image(f"figures/{each.stem}", each)
    log.info("%d figures in %s", len(drawn), folder / "figures")
    return result


def _some_of_each_class(
    split: Split, number: int, spec: DataSpec, device: torch.device
) -> tuple[Tensor, Tensor]:
    """The first images of each class (of the first ten), in the order of the classes.

    Where there are no classes, just the first images, all of class 0.
    """
    shown = min(spec.num_classes or 1, MOST_CLASSES)
    found: dict[int, list[Tensor]] = {label: [] for label in range(shown)}
    for images, targets in split.batches(256):
        for label, images_so_far in found.items():
            chosen = images[targets == label] if spec.num_classes else images
            images_so_far.extend(chosen[: number - len(images_so_far)])
        if all(len(each) == number for each in found.values()):
            break
    images = torch.stack([image for each in found.values() for image in each])
    labels = [label for label, each in found.items() for _ in each]
    return images.to(device), torch.tensor(labels, device=device)


def _has_mirrors(model: nn.Module) -> bool:
    """Whether some layer's group holds elements that turn left into right."""
    grids = (
        sampling.group.matrix(sampling.group.grid(sampling.num_samples))
        for _, sampling in samplings(model)
    )
    return any(bool((torch.linalg.det(grid) < 0).any()) for grid in grids)
