"""What symmetry discoveries come to: one line each, and their classifiers over the angle.

A discovery is what the runs of the rows `autoencoder`, `transformation`, `oracle`, `classifier`,
`generators` and `invariant` are together, of one seed and the same options.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from analysis.orbit_curves import draw_over_angles
from measures.measure import Measured
from run_folder import read_overrides
from studies.finished import FinishedRun

__all__ = ["report"]

Stages: TypeAlias = Mapping[str, FinishedRun]

COLUMNS = {  # of the table, by stage and figure
    ("autoencoder", "latent_space/latent_size"): "latent size",
    ("autoencoder", "test/reconstruction"): "reconstruction",
    ("autoencoder", "test/kl"): "KL",
    ("oracle", "views/accuracy"): "oracle",
    ("transformation", "turning/composition_error"): "composition error",
    ("transformation", "turning/image_composition_error"): "in images",
    ("generators", "flow/angle_correlation"): "angle correlation",
    ("generators", "flow/tangent_cosine"): "tangent cosine",
    ("generators", "flow/is_rotation"): "is rotation",
    ("generators", "flow/lacking"): "lacking",
    ("invariant", "views/accuracy"): "invariant",
}
CLASSIFIERS = {  # in the figures
    "invariant": "mean over the learned orbit",
    "oracle": "latent classifier (oracle)",
    "classifier": "equivariant net",
}


def report(runs: Sequence[FinishedRun], figures: Path) -> Measured:
    """A line for each discovery, with the verdict whether a generator is rotation; and pictures."""
    discoveries: dict[tuple[str, int], dict[str, FinishedRun]] = {}
    for run in runs:
        stage, _, options = run.row.partition("/")
        discoveries.setdefault((options, run.seed), {})[stage] = run
    lines, pictures = [], []
    for (options, seed), stages in discoveries.items():
        found = [_written(_figure(stages, *where)) for where in COLUMNS]
        lines.append([_autoencoder(stages), seed, *found])
        name = "-".join(["over_angles", *filter(None, options.split("/")), f"seed={seed}"])
        pictures += _over_angles(stages, figures / f"{name}.png")
    verdicts = [
        _figure(stages, "generators", "flow/is_rotation") for stages in discoveries.values()
    ]
    values = {"judged": len(verdicts) - verdicts.count(None), "rotations": verdicts.count(True)}
    table = (["autoencoder", "seed", *COLUMNS.values()], lines)
    return Measured(values, {"discoveries": table}, pictures)


def _figure(stages: Stages, stage: str, name: str) -> object:
    """A figure of a stage; None if that is not done, or has none of this name."""
    return stages[stage].result.get(name) if stage in stages else None


def _autoencoder(stages: Stages) -> str:
    """The name of the autoencoder's net, as its words give it; "-" without it."""
    words = read_overrides(stages["autoencoder"].folder) if "autoencoder" in stages else []
    nets = [word.removeprefix("net=vae_") for word in words if word.startswith("net=vae_")]
    return nets[-1] if nets else "-"


def _over_angles(stages: Stages, path: Path) -> list[Path]:
    """Draw the discovery's classifiers by the view's angle; no picture if none is done."""
    found = [(name, stages[stage]) for stage, name in CLASSIFIERS.items() if stage in stages]
    tables = {name: run.table("views/angles") for name, run in found}
    accuracies, same = (
        {name: [float(line[column]) for line in table] for name, table in tables.items() if table}
        for column in ("accuracy", "same answer as upright")
    )
    if not accuracies:
        return []
    known = {key: value for _, run in found for key, value in run.result.items()}  # all the same
    number, chance = known.get("views/images"), known.get("views/chance")
    draw_over_angles(accuracies, same, path, num_images=number, chance=chance)
    return [path]


def _written(value: object) -> str:
    """A figure for a table; a dash for that of a stage that was left out."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
