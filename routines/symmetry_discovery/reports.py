"""What each stage comes to: figures by flat names, and drawings in the run folder."""

import logging
from typing import Any

import torch
from torch import Tensor

from analysis.flows import draw_decoded_flow, draw_streamlines, draw_turns
from analysis.latents import draw_latents, draw_rows, draw_traversal
from analysis.orbit_curves import draw_over_angles, draw_turning_errors
from routines.symmetry_discovery.judging import Judgement, answers, judge
from routines.symmetry_discovery.stages import Discovery
from routines.symmetry_discovery.turning import decode, turning_errors
from routines.train import test_batches
from tasks import ELBO
from tester import evaluate

__all__ = [
    "report_autoencoder",
    "report_classifier",
    "report_generators",
    "report_invariant",
    "report_oracle",
    "report_transformation",
]

CLASSIFIERS = {  # in the figure
    "invariant": "mean over the learned orbit",
    "oracle": "latent classifier (oracle)",
    "equivariant": "equivariant net",
}
SHOWN, STARTS, DEBUG_STARTS = 4, 64, 2

log = logging.getLogger(__name__)


def report_autoencoder(discovery: Discovery) -> dict[str, Any]:
    """Loss on the test views, apart, and pictures of the latent space."""
    autoencoder, spec = discovery.autoencoder, discovery.views.spec
    batches = test_batches(discovery.views.test, 512, discovery.debug)
    values = evaluate(autoencoder, batches, ELBO(discovery.settings.beta))
    figures = discovery.run_folder / "figures"
    orbits, classes = discovery.test_latents
    draw_latents(orbits, classes, discovery.names, figures / "latents.png")
    draw_traversal(autoencoder.decode, orbits, spec, figures / "traversal.png")
    views, latents = samples(discovery)
    with torch.no_grad():
        rows = {"image": views, "decoded": decode(autoencoder, latents)}
    title = "Views of test images, and what the autoencoder makes of them"
    draw_rows(rows, spec, title, figures / "reconstructions.png")
    size = discovery.settings.latent_size
    return {"autoencoder/latent_size": size, **_named("autoencoder", values)}


def report_transformation(discovery: Discovery) -> dict[str, Any]:
    """How far T and its powers are from the turns of the image."""
    num_views = discovery.views.num_views
    errors = turning_errors(
        discovery.autoencoder,
        discovery.transformation,
        discovery.orbits.test,
        discovery.device,
    )
    curves = {
        "image, decoded from $T^k z$": errors.image,
        "latent $T^k z$": errors.latent,
        "image, only reconstructed": errors.reconstruction,
    }
    figures = discovery.run_folder / "figures"
    draw_turning_errors(curves, num_views, figures / "turning_errors.png")
    views, latents = samples(discovery)
    with torch.no_grad():
        turned = discovery.transformation.iterated(latents[:, 0], num_views - 1)
        rows = {"image": views, "learned turns": decode(discovery.autoencoder, turned)}
    title = "Views of test images, and the latent of the first, one learned turn after another"
    draw_rows(rows, discovery.views.spec, title, figures / "turned.png")
    steps = {
        f"{what}_error_{360 * (k + 1) // num_views}": error
        for what, each in (("image", errors.image), ("latent", errors.latent))
        for k, error in enumerate(each)
    }
    values = {
        "single_step_error": errors.single_step,
        "composition_error": errors.composition,
        "image_composition_error": errors.image_composition,
        **steps,
    }
    return _named("transform", values)


def report_oracle(discovery: Discovery) -> dict[str, Any]:
    """How well the latents tell the classes."""
    _, classes = discovery.test_latents
    told = answers(discovery.oracle, discovery.test_latents[0])
    return _named("oracle", agreement(told, classes))


def report_classifier(discovery: Discovery) -> dict[str, Any]:
    """How well the equivariant net tells the images."""
    return _named("equivariant", agreement(discovery.classifier_answers, discovery.test_latents[1]))


def report_generators(discovery: Discovery) -> dict[str, Any]:
    """Judge all generators; the figures are those of the one that is most like rotation."""
    orbits, classes = discovery.test_latents
    judged = [
        judge(
            discovery.generators,
            number,
            discovery.autoencoder,
            discovery.oracle,
            discovery.classifier,
            orbits,
            classes,
            discovery.views.spec,
            DEBUG_STARTS if discovery.debug else STARTS,
        )
        for number in range(discovery.settings.num_generators)
    ]
    best = max(range(len(judged)), key=lambda number: judged[number].values["tangent_cosine"])
    found = judged[best]
    names = list(found.values)
    rows = [[number, *each.values.values(), each.is_rotation] for number, each in enumerate(judged)]
    discovery.tracker.table("generators", ["generator", *names, "is rotation"], rows)
    _draw_flow(discovery, best, found)
    if found.is_rotation:
        log.info("generator %d is rotation", best)
    else:
        log.info("generator %d is NOT rotation: %s", best, ", ".join(found.lacking))
    return _named("generator", {**found.values, "is_rotation": found.is_rotation})


def report_invariant(discovery: Discovery) -> dict[str, Any]:
    """Averaging over orbits, against a plain classifier of latents, and the equivariant net.

    That net is trained for the comparison only if its stage is asked for, too.
    """
    orbits, classes = discovery.test_latents
    told = {
        "invariant": answers(discovery.invariant, orbits),
        "oracle": answers(discovery.oracle, orbits),
    }
    if "classifier" in discovery.settings.stages:
        told["equivariant"] = discovery.classifier_answers
    accuracies, agreements = (
        {CLASSIFIERS[name]: shares(each).double().mean(0).tolist() for name, each in told.items()}
        for shares in (lambda each: each == classes[:, None], lambda each: each == each[:, :1])
    )
    draw_over_angles(accuracies, agreements, discovery.run_folder / "figures" / "over_angles.png")
    found = [_named(name, agreement(each, classes)) for name, each in told.items()]
    return {name: value for each in found for name, value in each.items()}


def agreement(told: Tensor, classes: Tensor) -> dict[str, float]:
    """Accuracy of answers [N, V] for classes [N], and how far they agree over the views.

    "consistency" is the share of the views that get the answer most frequent for their image.
    """
    counts = torch.nn.functional.one_hot(told).sum(1)  # [N, K]
    return {
        "accuracy": (told == classes[:, None]).double().mean().item(),
        "consistency": (counts.amax(1) / told.shape[1]).double().mean().item(),
    }


def samples(discovery: Discovery) -> tuple[Tensor, Tensor]:
    """Some of the test images [N, V, C, H, W] to show, and their latents [N, V, d]."""
    views, (orbits, _) = discovery.test_views, discovery.test_latents
    chosen = torch.linspace(0, len(views) - 1, min(SHOWN, len(views))).round().long()
    return views[chosen], orbits[chosen]


def _draw_flow(discovery: Discovery, number: int, found: Judgement) -> None:
    figures = discovery.run_folder / "figures"
    draw_turns(found.degrees, found.values["length"], figures / "flow_turns.png")
    draw_decoded_flow(found.frames, found.degrees, figures / "flow_decoded.png")
    if discovery.settings.latent_size == 2:
        orbits, classes = discovery.test_latents
        draw_streamlines(
            lambda latents: discovery.generators(latents)[:, number],
            discovery.oracle,
            orbits,
            classes,
            discovery.names,
            figures / "streamlines.png",
        )


def _named(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}/{name}": value for name, value in values.items()}
