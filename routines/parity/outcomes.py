"""What one training comes to: a net, how well it answers, and how it answers to mirror images."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite, nan
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from datasets.mirrored import mirrored
from datasets.spec import Split, Splits
from partial_equiv.equivariance import Action, equivariance_error, layer_correlations
from partial_equiv.gconv import frozen_kernels
from partial_equiv.groups import Group, Mirror
from partial_equiv.sampling import learned_subsets, samplings
from routines.train import Parts, test_batches
from run_folder import has_checkpoint
from tracking import StageTracker, Tracker

__all__ = ["WORDS", "Net", "Outcome", "Sensitivity", "check", "first_images", "outcome"]

Net = Literal["baseline", "parity", "partial"]
WORDS: Mapping[Net, tuple[str, ...]] = {
    "baseline": ("base_group=T2", "conv.partial=False"),
    "parity": ("conv.partial=False",),
    "partial": ("conv.partial=True",),
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sensitivity:
    """How one layer answers to mirror images.

    Attributes:
        layer, kind: its name and class; "output" is the net itself.
        corr_raw, corr_equiv: means over the images (see `layer_correlations`); NaN if no image has
            one.
        least_corr_equiv: the least of an image.
        relative_error: as the meter has it (see `Errors`); NaN if all images get the same scores.
    """

    layer: str
    kind: str
    corr_raw: float
    corr_equiv: float
    least_corr_equiv: float
    relative_error: float


@dataclass(frozen=True)
class Outcome:
    """What the training of one net with one probability came to.

    Attributes:
        net, probability: which training.
        model: the net, in evaluation mode.
        values: "accuracy", "mirrored_accuracy", "same_answers" (the share of the images that get
            the answer that their mirror images get), "least_corr_equiv" of all layers and images,
            what the layers keep, and what the training took.
        layers: in the order of the computation, the net itself last.
    """

    net: Net
    probability: float
    model: nn.Module
    values: dict[str, float]
    layers: tuple[Sensitivity, ...]

    @property
    def name(self) -> str:
        """Of its folder and its figures."""
        return f"{self.net}_{self.probability:g}"


def check(net: Net, parts: Parts) -> None:
    """Refuse what cannot be trained or compared.

    Raises:
        ValueError: if the task is not to classify, or the net does not know the mirror.
    """
    if parts.task.monitor != "accuracy":
        raise ValueError("task: routine=parity compares accuracies, use task=classification")
    if net == "baseline" or own_mirror(parts.model):
        return
    for _, sampling in samplings(parts.model):
        reason = "does not hold the mirror, use base_group=mirror, dihedral or E2"
        group = type(sampling.group).__name__
        raise ValueError(f"base_group.group={group}: {reason} for routine.nets=[{net}]")
    raise ValueError(f"net: has no layers on a group, for routine.nets=[{net}] use net=parity")


def outcome(
    net: Net,
    probability: float,
    parts: Parts,
    splits: Splits,
    tracker: Tracker,
    run_folder: Path,
    debug: bool,
    num_images: int,
) -> Outcome:
    """Train a net, or take the trained one from its folder, and measure it."""
    name = f"{net}_{probability:g}"
    folder, model = run_folder / name, parts.model
    trainer = replace(
        parts.trainer,
        run_folder=folder,
        tracker=StageTracker(tracker, name, folder),
        resume=folder if has_checkpoint(folder) else None,
    )
    log.info("%s: %d epochs", name, trainer.epochs)
    fit = trainer.fit(model, mirrored(splits, probability), parts.task)
    tracker.artifact(f"{name}-model", folder / "checkpoints" / "best.pt", "model")
    model.eval().requires_grad_(False)
    device = next(model.parameters()).device
    layers = sensitivities(model, first_images(splits.test, num_images).to(device))
    least = [row.least_corr_equiv for row in layers]
    values = {
        **accuracies(model, splits.test, trainer.batch_size, debug),
        "least_corr_equiv": min(filter(isfinite, least), default=nan),
        **{f"range/{layer}": value for layer, value in learned_subsets(model).items()},
        "best_epoch": fit.best_epoch,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seconds/train": fit.seconds,
    }
    return Outcome(net, probability, model, values, layers)


def accuracies(model: nn.Module, split: Split, batch_size: int, debug: bool) -> dict[str, float]:
    """How often a model is right about images and about their mirror images, and how often it
    answers both alike."""
    device = next(model.parameters()).device
    found = []
    with torch.inference_mode(), frozen_kernels(model):
        for images, targets in test_batches(split, batch_size, debug):
            told = [model(each.to(device)).argmax(1).cpu() for each in (images, images.flip(-1))]
            found.append(torch.stack([told[0] == targets, told[1] == targets, told[0] == told[1]]))
    shares = torch.cat(found, dim=1).double().mean(1).tolist()
    return dict(zip(("accuracy", "mirrored_accuracy", "same_answers"), shares, strict=True))


def sensitivities(model: nn.Module, images: Tensor) -> tuple[Sensitivity, ...]:
    """How the layers of a model answer to the mirror images of some images."""
    action = Action(own_mirror(model) or Mirror(), torch.tensor([0.0, 1.0]))
    try:
        measured = equivariance_error(model, action, images).layers
    except ValueError:  # the net has collapsed, it gives all images the same scores
        measured = ()
    errors = {each.name: each.mean.relative for each in measured}
    rows = []
    for each in layer_correlations(model, action, images):
        equivariant = each.equivariant[each.equivariant.isfinite()]
        rows.append(
            Sensitivity(
                each.name or "output",
                each.kind,
                each.raw.nanmean().item(),
                equivariant.mean().item(),
                equivariant.min().item() if len(equivariant) else nan,
                errors.get(each.name, nan),
            )
        )
    return tuple(rows)


def own_mirror(model: nn.Module) -> Group | None:
    """The group of a model's layers, if it holds the mirror."""
    groups = (sampling.group for _, sampling in samplings(model))
    return next((group for group in groups if "mirror" in group.optional_parts), None)


def first_images(split: Split, number: int) -> Tensor:
    """The first images of a split [number, C, H, W]."""
    images, _ = next(split.batches(number))
    return images
