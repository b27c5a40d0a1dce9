"""DATA_DIR and OUTPUT_DIR say where things lie (for WANDB_DIR see `tracking/`)."""

from inspect import signature
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from composition import CONFIG_FOLDER, Composition
from config_schema.targets import resolve
from tests.terminal import Terminal

DATASETS = [  # not those that are another one with changes
    path
    for path in sorted((CONFIG_FOLDER / "dataset").glob("*.yaml"))
    if "_target_" in OmegaConf.load(path)
]
TINY = ("tracking=none", "net.hidden_channels=2", "dataset.train_size=40", "debug=True")


@pytest.mark.parametrize("path", DATASETS, ids=lambda path: path.stem)
def test_data_lie_in_data_dir(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "root" not in signature(resolve(OmegaConf.load(path)["_target_"])).parameters:
        return  # bundled, or made
    monkeypatch.setenv("DATA_DIR", "/some/place")
    there = Path(OmegaConf.load(path).root)
    monkeypatch.delenv("DATA_DIR")
    here = Path(OmegaConf.load(path).root)
    assert there.relative_to("/some/place") == here.relative_to("data")


def test_runs_and_sweeps_lie_in_output_dir(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "elsewhere"
    monkeypatch.setenv("OUTPUT_DIR", str(place))
    monkeypatch.chdir(tmp_path)
    for words in (TINY, ("-m", "seed=1", *TINY)):
        answer = terminal(*words)
        assert answer.status == 0, answer.err
    assert len(list(place.glob("*/*/result.json"))) == 1  # date, time
    assert len(list(place.glob("multirun/*/*/*/result.json"))) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"elsewhere"}


def test_without_output_dir_they_lie_in_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OUTPUT_DIR", raising=False)
    hydra = Composition().config(with_hydra=True).hydra
    assert Path(hydra.run.dir).parts[0] == "outputs"
    assert Path(hydra.sweep.dir).parts[:2] == ("outputs", "multirun")
