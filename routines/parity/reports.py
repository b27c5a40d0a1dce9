"""Tables and figures of a comparison of nets under the mirror."""

from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path

from torch import Tensor

from analysis.mirrored_maps import draw_mirrored_maps
from analysis.parity import draw_accuracies, draw_correlations
from datasets.spec import DataSpec
from routines.parity.outcomes import Outcome, Sensitivity
from tracking import Tracker

__all__ = ["draw", "write_tables"]

RESULTS = ("accuracy", "mirrored_accuracy", "same_answers", "least_corr_equiv")
TOOK = ("best_epoch", "parameters", "seconds/train")


def write_tables(outcomes: Sequence[Outcome], tracker: Tracker) -> None:
    """Write the tables "results", "comparison" and "sensitivity"."""
    names = (*RESULTS, *TOOK)
    rows = [[e.probability, e.net, *(e.values[name] for name in names)] for e in outcomes]
    tracker.table("results", ["mirror_probability", "net", *names], rows)

    nets = list(dict.fromkeys(each.net for each in outcomes))
    columns = [f"{net}_{what}" for net in nets for what in ("original", "mirrored", "difference")]
    compared: dict[float, list[float]] = {}
    for each in outcomes:  # the nets follow each other in the order of the columns
        original, mirrored = each.values["accuracy"], each.values["mirrored_accuracy"]
        row = compared.setdefault(each.probability, [each.probability])
        row += [original, mirrored, original - mirrored]
    tracker.table("comparison", ["mirror_probability", *columns], list(compared.values()))

    columns = [field.name for field in fields(Sensitivity)]
    rows = [[e.probability, e.net, *astuple(layer)] for e in outcomes for layer in e.layers]
    tracker.table("sensitivity", ["mirror_probability", "net", *columns], rows)


def draw(outcomes: Sequence[Outcome], images: Tensor, spec: DataSpec, folder: Path) -> None:
    """Draw accuracies, correlations, and for each probability the maps of one image.

    It is the one of the images that is least like its mirror image.
    """
    by_probability: dict[float, list[Outcome]] = {}
    for each in outcomes:
        by_probability.setdefault(each.probability, []).append(each)
    draw_accuracies(
        {
            probability: {
                each.net: (each.values["accuracy"], each.values["mirrored_accuracy"])
                for each in group
            }
            for probability, group in by_probability.items()
        },
        folder / "accuracies.png",
    )
    draw_correlations(
        {
            probability: {
                each.net: [(row.layer, row.corr_raw, row.corr_equiv) for row in each.layers[:-1]]
                for each in group
            }
            for probability, group in by_probability.items()
        },
        folder / "correlations.png",
    )
    odd = images[(images - images.flip(-1)).square().flatten(1).mean(1).argmax()]
    for probability, group in by_probability.items():
        path = folder / f"feature_maps_{probability:g}.png"
        draw_mirrored_maps({each.net: each.model for each in group}, odd, spec, path)
