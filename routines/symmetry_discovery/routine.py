"""Discover rotation in the latent space of an autoencoder: with supervision, and without.

    autoencoder     a variational autoencoder of all views of the images
    transformation  T(z) ≈ the latent of the image turned by one step, trained through the decoder
    oracle          a classifier ψ of latents
    generators      vector fields along which ψ does not change: is one of them rotation?
    classifier      the config's net, equivariant, on the images: it judges decoded images
    invariant       a classifier of means over the orbits that T makes

Each stage can be had by itself (`routine.stages=[oracle]`); what it builds on is trained first.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from partial_equiv.intervals import Count, NonNegative, Positive
from routines.symmetry_discovery.reports import (
    report_autoencoder,
    report_classifier,
    report_generators,
    report_invariant,
    report_oracle,
    report_transformation,
)
from routines.symmetry_discovery.settings import STAGES, Settings, Stage
from routines.symmetry_discovery.stages import Discovery
from routines.train import Build
from tracking import Tracker

__all__ = ["run"]

REPORTS: Mapping[Stage, Callable[[Discovery], dict[str, Any]]] = {
    "autoencoder": report_autoencoder,
    "transformation": report_transformation,
    "oracle": report_oracle,
    "generators": report_generators,
    "classifier": report_classifier,
    "invariant": report_invariant,
}

log = logging.getLogger(__name__)


def run(
    build: Build,
    tracker: Tracker,
    run_folder: Path,
    debug: bool = False,
    *,
    epochs: Mapping[Stage, Count],
    stages: Sequence[Stage] = STAGES,
    autoencoder: Literal["mlp", "small", "deep", "equivariant"] = "small",
    autoencoder_settings: Mapping[str, Any] | None = None,
    latent_size: Count = 2,
    beta: NonNegative = 1.0,
    loss: Literal["image", "latent"] = "image",
    steps: Count = 1,
    num_generators: Count = 1,
    epsilon: Positive = 1e-3,
    norm_weight: NonNegative = 1.0,
    orthogonality_weight: NonNegative = 1.0,
    closure_weight: NonNegative = 0.0,
    average: Literal["features", "latents"] = "features",
    hidden_size: Count = 64,
    learning_rate: Positive = 3e-3,
    batch_size: Count = 128,
) -> dict[str, Any]:
    """Run the stages in their order; returns what they come to, by flat names.

    Args:
        build: makes the parts of a run.
        tracker: gets scalars, figures and the table "summary".
        run_folder: gets a folder for each stage, and figures.
        debug: a few batches, a few images.
        epochs: of each stage.
        stages: to report on.
        autoencoder: the net is vae_<this>,
        autoencoder_settings: with these settings in the place of its own.
        latent_size: of it.
        beta: weight of its KL term.
        loss: what the transformation is compared by.
        steps: how often it is iterated in training.
        num_generators: to look for at once.
        epsilon: step of the difference in the generators' invariance loss.
        norm_weight, orthogonality_weight, closure_weight: of the generators' other losses.
        average: over an orbit, in the invariant classifier: of learned features, or of latents.
        hidden_size: of the nets on latents.
        learning_rate: of all stages but the classifier, which is trained as `train` says.
        batch_size: likewise, in views.

    Raises:
        ValueError: if the data set has no orbits, or settings do not go together.
    """
    settings = Settings(
        stages=stages,
        autoencoder=autoencoder,
        autoencoder_settings=autoencoder_settings or {},
        latent_size=latent_size,
        beta=beta,
        loss=loss,
        steps=steps,
        num_generators=num_generators,
        epsilon=epsilon,
        norm_weight=norm_weight,
        orthogonality_weight=orthogonality_weight,
        closure_weight=closure_weight,
        average=average,
        hidden_size=hidden_size,
        learning_rate=learning_rate,
        batch_size=batch_size,
        epochs=epochs,
    )
    if missing := [stage for stage in STAGES if stage not in epochs]:
        raise ValueError(f"routine.epochs={dict(epochs)}: says nothing about {missing[0]}")
    if not stages:
        raise ValueError(f"routine.stages=[]: names none of {', '.join(STAGES)}")
    if "latent_size" in settings.autoencoder_settings:
        raise ValueError("routine.autoencoder_settings.latent_size: is routine.latent_size")
    discovery = Discovery(build, tracker, run_folder, debug, settings)
    discovery.check()
    result: dict[str, Any] = {}
    for stage in STAGES:
        if stage in stages:
            result |= REPORTS[stage](discovery)
    rows = [[name, value] for name, value in result.items()]
    tracker.table("summary", ["figure", "value"], rows)
    for path in sorted((run_folder / "figures").glob("*.png")):
        tracker.image(f"figures/{path.stem}", path)
    return result
