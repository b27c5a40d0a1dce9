"""Every shipped option of every group is composed, built and run forward; so are mixtures."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import nn

from command_line import NO_OPTIONS
from composition import CONFIG_FOLDER
from config_schema import ConfigError
from constructors import Build, check, compose
from tests.terminal import Terminal


def options(group: str) -> list[str]:
    """The names of a group's files, with those of subfolders."""
    folder = CONFIG_FOLDER / group
    return sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml"))


GROUPS = sorted(path.name for path in CONFIG_FOLDER.iterdir() if path.name not in NO_OPTIONS)
SHIPPED = [
    (group, option)
    for group in GROUPS
    if (CONFIG_FOLDER / group).is_dir()
    for option in options(group)
]
KINDS = ("T2", "SE2", "E2"), (True, False), options("kernel"), ("deterministic", "random")

COMPANIONS = {  # what some options do not go without
    "T2": ["conv.partial=False"],
    "regression": ["dataset=unit_cells"],
    "unit_cells": ["task=regression"],
    "stored_cells": ["task=regression"],
}


@pytest.fixture(autouse=True)
def _pictures(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a user's pictures where `image_folder` looks for them: their folders are the classes."""
    data = tmp_path_factory.mktemp("data")
    for name in ("cat", "dog"):
        (data / "pictures" / name).mkdir(parents=True)
    monkeypatch.setenv("DATA_DIR", str(data))


def run_forward(model: nn.Module, build: Build) -> torch.Tensor:
    """What a model answers to two random images of its data set's size, in training."""
    spec = build.spec
    torch.manual_seed(0)
    return model(torch.randn(2, spec.in_channels, *spec.size))


@pytest.mark.parametrize(("group", "option"), SHIPPED)
def test_every_option_is_built_and_run(group: str, option: str) -> None:
    plus = "" if group in compose() else "+"
    config = compose([f"{plus}{group}={option}", *COMPANIONS.get(option, ())])
    check(config)
    build = Build(config)
    scores = run_forward(build.model, build)
    assert scores.shape == (2, build.spec.num_outputs)
    assert scores.isfinite().all()


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
    if base_group == "T2" and (partial or sampling == "random"):
        with pytest.raises(ConfigError, match=r"^(conv.partial=True|base_group.sampling=random): "):
            _ = build.model
        return
    scores = run_forward(build.model, build)
    assert scores.isfinite().all()
    scores.sum().backward()
    learned = [name for name, _ in build.model.named_parameters() if name.endswith(".range")]
    assert bool(learned) == partial


@pytest.mark.parametrize("routine", options("routine"))
def test_every_routine_has_a_dry_run(routine: str, terminal: Terminal, tmp_path: Path) -> None:
    answer = terminal(f"routine={routine}", "debug=True", "net.hidden_channels=4")
    assert answer.status == 0, answer.err
    (result,) = tmp_path.rglob("result.json")
    assert not list(result.parent.rglob("wandb")), "no network in a dry run"
