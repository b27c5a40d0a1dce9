"""Nets under the mirror, side by side: rows <net>/<probability to mirror a training image>."""

from collections.abc import Mapping, Sequence
from math import nan
from pathlib import Path
from statistics import fmean

from analysis.mirrored_maps import draw_mirrored_maps
from analysis.parity import draw_accuracies, draw_correlations
from measures.measure import Measured, Table
from studies.finished import FinishedRun

__all__ = ["report"]

RESULTS = {
    "accuracy": "test/accuracy",
    "mirrored_accuracy": "mirror/mirrored_accuracy",
    "same_answers": "mirror/same_answers",
    "least_corr_equiv": "mirror/least_corr_equiv",
}
TOOK = ("best_epoch", "parameters", "seconds/train")

Groups = Mapping[float, Mapping[str, Sequence[FinishedRun]]]
"""Runs of all seeds by the probability to mirror, then by net."""


def report(runs: Sequence[FinishedRun], figures: Path) -> Measured:
    """Tables and figures of accuracies and of the layers' answers to mirror images.

    The table "results" has a row for each run, "comparison" has the nets side by side (means over
    seeds), "sensitivity" a row for each layer of each run. Nets that are not done with every
    probability are left out of the figures of all; maps are those of the first seed.

    Args:
        runs: those without measure=[mirror] are left out.
        figures: the folder to draw in.
    """
    groups = _grouped([run for run in runs if "mirror/odd_image" in run.result])
    if not groups:
        return Measured()
    tables = {
        "results": _results(groups),
        "comparison": _comparison(groups),
        "sensitivity": _sensitivity(groups),
    }
    values = {
        f"{net}_{chance:g}/{name}": _mean(group, key)
        for chance, nets in groups.items()
        for net, group in nets.items()
        for name, key in RESULTS.items()
    }
    return Measured(values, tables, _draw(groups, figures))


def _grouped(runs: Sequence[FinishedRun]) -> Groups:
    found: dict[float, dict[str, list[FinishedRun]]] = {}
    for run in runs:
        net, chance = run.row.split("/")
        found.setdefault(float(chance), {}).setdefault(net, []).append(run)
    return dict(sorted(found.items()))


def _results(groups: Groups) -> Table:
    rows = [
        [chance, net, run.seed, *(run.result.get(key, nan) for key in (*RESULTS.values(), *TOOK))]
        for chance, nets in groups.items()
        for net, runs in nets.items()
        for run in runs
    ]
    return ["mirror_probability", "net", "seed", *RESULTS, *TOOK], rows


def _comparison(groups: Groups) -> Table:
    nets = list(dict.fromkeys(net for group in groups.values() for net in group))
    columns = [f"{net}_{what}" for net in nets for what in ("original", "mirrored", "difference")]
    rows = []
    for chance, group in groups.items():
        row: list[object] = [chance]
        for net in nets:
            if net in group:
                original, mirrored = map(fmean, _accuracies(group[net]))
                row += [original, mirrored, original - mirrored]
            else:
                row += ["not run", "", ""]
        rows.append(row)
    return ["mirror_probability", *columns], rows


def _sensitivity(groups: Groups) -> Table:
    layers = [
        {"mirror_probability": chance, "net": net, "seed": run.seed, **_numbers(layer)}
        for chance, nets in groups.items()
        for net, runs in nets.items()
        for run in runs
        for layer in run.table("mirror/sensitivity")
    ]
    columns = list(layers[0]) if layers else ["mirror_probability", "net", "seed"]
    return columns, [list(layer.values()) for layer in layers]


def _numbers(layer: Mapping[str, str]) -> dict[str, float | str]:
    """A row of a CSV file: all but the layer's name and class are numbers."""
    words = ("layer", "kind")
    return {key: value if key in words else float(value) for key, value in layer.items()}


def _draw(groups: Groups, folder: Path) -> list[Path]:
    """Draw accuracies, correlations, and for each probability the maps of one image."""
    some = next(run for nets in groups.values() for runs in nets.values() for run in runs)
    spec, test = (loaded := some.load()).spec, loaded.build.splits.test
    image, _ = next(test.batches(1, start=some.result["mirror/odd_image"]))
    everywhere = set.intersection(*(set(nets) for nets in groups.values()))
    whole = {
        chance: {net: runs for net, runs in nets.items() if net in everywhere}
        for chance, nets in groups.items()
    }
    pictures = []
    if everywhere:
        pictures = [folder / "accuracies.png", folder / "correlations.png"]
        shares = {c: {n: _accuracies(e) for n, e in nets.items()} for c, nets in whole.items()}
        guessing = 1 / spec.num_outputs
        draw_accuracies(shares, pictures[0], num_images=len(test), chance=guessing)
        layers = {c: {n: _correlations(e) for n, e in nets.items()} for c, nets in whole.items()}
        draw_correlations(layers, pictures[1])
    for chance, nets in groups.items():
        pictures.append(folder / f"feature_maps_{chance:g}.png")
        models = {net: runs[0].load().model for net, runs in nets.items()}
        draw_mirrored_maps(models, image[0], spec, pictures[-1])
    return pictures


def _mean(runs: Sequence[FinishedRun], key: str) -> float:
    return fmean(run.result.get(key, nan) for run in runs)


def _accuracies(runs: Sequence[FinishedRun]) -> tuple[list[float], list[float]]:
    """Of the test images, and of their mirror images, seed by seed."""
    names = RESULTS["accuracy"], RESULTS["mirrored_accuracy"]
    original, mirrored = ([run.result.get(name, nan) for run in runs] for name in names)
    return original, mirrored


def _correlations(runs: Sequence[FinishedRun]) -> list[tuple[str, float, float]]:
    """Name, corr_raw and corr_equiv of each layer but the net itself, means over the runs."""
    tables = [run.table("mirror/sensitivity")[:-1] for run in runs]
    return [
        (
            rows[0]["layer"],
            fmean(float(row["corr_raw"]) for row in rows),
            fmean(float(row["corr_equiv"]) for row in rows),
        )
        for rows in zip(*tables, strict=True)
    ]
