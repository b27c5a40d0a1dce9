"""Every shipped option of every group is composed, built and run forward; so are mixtures."""

import itertools
from contextlib import suppress

import pytest
import torch
from torch import nn

from command_line.options import PRESETS, groups
from composition import CONFIG_FOLDER
from config_schema import ConfigError
from constructors import Build, check, compose
from datasets.spec import MissingData
from models.vae import Autoencoding
from tasks import ELBO, Generating, Turning
from tests.discovery import Discovery


def options(group: str) -> list[str]:
    """The names of a group's files, with those of subfolders."""
    folder = CONFIG_FOLDER / group
    return sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml"))


SHIPPED = [
    (name, option)
    for name, group in groups(CONFIG_FOLDER).items()
    if name not in PRESETS
    for option in group.options
]
EXACT = ("kernel=grid", "conv.partial=False", "base_group=mirror")
LATENTS = ("dataset=orbits", "dataset.autoencoder={autoencoder}")
ORBITS = ("dataset=orbits", "dataset.whole=True", "task.autoencoder={autoencoder}")
ORACLE = "task.oracle={oracle}"
NEEDS = {  # what an option cannot be without; {…} is the folder of a run, see tests.discovery
    ("base_group", "T2"): ("conv.partial=False",),
    ("kernel", "grid"): ("base_group=mirror",),
    ("penalty", "projection"): ("base_group=T2", "conv.partial=False", "kernel=grid"),
    ("net", "parity"): ("base_group=mirror",),
    ("net", "resnet18"): (*EXACT, "net.hidden_channels=4"),
    ("net", "resnet44"): (*EXACT, "net.hidden_channels=2"),
    ("net", "cells"): ("dataset=unit_cells", "task=regression"),
    ("task", "elbo"): ("net=vae_mlp",),
    ("task", "regression"): ("dataset=unit_cells",),
    ("dataset", "unit_cells"): ("task=regression",),
    ("dataset", "stored_cells"): ("task=regression",),
    ("net", "latent_classifier"): LATENTS,
    ("net", "orbit_average"): (*LATENTS, "net.transformation={transformation}"),
    ("net", "generators"): (*LATENTS, "task=generating", ORACLE),
    ("task", "generating"): (*LATENTS, "net=generators", ORACLE),
    ("net", "transformation"): (*ORBITS, "task=turning"),
    ("task", "turning"): (*ORBITS, "net=transformation"),
    ("measure", "agreement"): ("dataset=known_symmetry",),
    ("measure", "stiffness"): ("dataset=unit_cells", "task=regression"),
    ("measure", "views"): ORBITS[:1],
    ("measure", "latent_space"): ("dataset=orbits", "net=vae_mlp", "task=elbo"),
    ("measure", "turning"): (*ORBITS, "net=transformation", "task=turning"),
    ("measure", "flow"): (
        *(*LATENTS, "net=generators", "task=generating", ORACLE),
        "measure.flow.classifier={classifier}",
    ),
}
NEEDS |= {
    ("net", name): ("task=elbo", "conv.partial=False")
    for name in options("net")
    if name.startswith("vae_")
}
KINDS = ("T2", "SE2", "E2"), (True, False), options("kernel"), ("deterministic", "random")


@pytest.fixture(autouse=True)
def _pictures(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a user's pictures where `image_folder` looks for them: their folders are the classes."""
    data = tmp_path_factory.mktemp("data")
    for name in ("cat", "dog"):
        (data / "pictures" / name).mkdir(parents=True)
    monkeypatch.setenv("DATA_DIR", str(data))


def run_forward(model: nn.Module, build: Build) -> torch.Tensor:
    """What a model answers to two random images of its data set's size, in training.

    Of an autoencoder it is the reconstruction.
    """
    spec = build.shown
    torch.manual_seed(0)
    answer = model(torch.randn(2, spec.in_channels, *spec.size))
    return answer.reconstruction if isinstance(answer, Autoencoding) else answer


@pytest.mark.parametrize(("group", "option"), SHIPPED)
def test_every_option_is_built_and_run(group: str, option: str, discovery: Discovery) -> None:
    plus = "" if group in compose() else "+"
    needed = [discovery.placed(word) for word in NEEDS.get((group, option), ())]
    config = compose([f"{plus}{group}={option}", *needed])
    with suppress(
        MissingData
    ):  # the data of some are nobody's to hand out; they are looked for last
        check(config)
    build = Build(config)
    answer, spec = run_forward(build.model, build), build.shown
    shapes: dict[type, tuple[int, ...]] = {
        ELBO: (spec.in_channels, *spec.size),
        Turning: (spec.in_channels,),
        Generating: (1, spec.in_channels),
    }
    assert answer.shape == (2, *shapes.get(type(build.task), (spec.num_outputs,)))
    assert answer.isfinite().all()


@pytest.mark.parametrize(
    ("base_group", "partial", "kernel", "sampling"), list(itertools.product(*KINDS))
)
def test_every_mixture_runs_or_says_why_not(
    base_group: str, partial: bool, kernel: str, sampling: str
) -> None:
    words = [
        f"base_group={base_group}",
        f"conv.partial={partial}",
        f"kernel={kernel}",
        f"++base_group.sampling={sampling}",
        f"base_group.num_samples={1 if base_group == 'T2' else 4}",
        "net.hidden_channels=4",
    ]
    build = Build(compose(words))
    reasons = r"^(conv.partial=True|base_group.sampling=random): "
    senseless = base_group == "T2" and (partial or sampling == "random")
    off_grid = kernel == "grid" and base_group != "T2"
    if senseless or off_grid:
        with pytest.raises(ConfigError, match=reasons if senseless else "^kernel=grid: "):
            _ = build.model
        return
    scores = run_forward(build.model, build)
    assert scores.isfinite().all()
    scores.sum().backward()
    learned = [name for name, _ in build.model.named_parameters() if name.endswith(".range")]
    assert bool(learned) == partial
