"""The gallery: of a finished run, by its own config, and the figures say what is true."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.terminal import Terminal

TINY = ("tracking=none", "net.hidden_channels=4", "net.widths=[1]", "base_group.num_samples=4")
FAST = ("routine.num_images=2", "routine.num_angles=8", "tracking=none")
FIGURES = {"kernel_lifting", "kernel_group", "feature_maps", "turn", "confusion"}


@pytest.fixture
def trained(terminal: Terminal, tmp_path: Path) -> Path:
    """The folder of a short full run on the sixes."""
    folder = tmp_path / "run"
    words = ("dataset=digits6_180", "conv.partial=False", "train.epochs=1")
    answer = terminal(*TINY, *words, f"hydra.run.dir={folder}")
    assert answer.status == 0, answer.err
    return folder


def drawn(folder: Path) -> set[str]:
    """The figures in a run folder."""
    for path in (folder / "figures").glob("*.png"):
        assert path.with_suffix(".svg").is_file()
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 10_000, f"{path.name} is empty"
    return {path.stem for path in (folder / "figures").iterdir()}


def test_a_run_is_looked_at_by_its_own_config(
    trained: Path, terminal: Terminal, tmp_path: Path
) -> None:
    """Net and data of today's command line are others: two classes, not ten, and a full net."""
    own = tmp_path / "gallery"
    answer = terminal("routine=gallery", f"routine.run={trained}", *FAST, f"hydra.run.dir={own}")
    assert answer.status == 0, answer.err
    assert drawn(trained) == FIGURES
    assert not (own / "figures").exists()
    found = json.loads((own / "result.json").read_text())
    before = json.loads((trained / "result.json").read_text())
    assert found["test/accuracy"] == pytest.approx(before["test/accuracy"])
    assert 0 <= found["gallery/swing"] < 0.2, "a full net hardly notices that its input turns"


def test_without_a_run_one_is_trained_first(terminal: Terminal, tmp_path: Path) -> None:
    words = ("base_group=E2", "base_group.num_samples=8", "train.epochs=1", "dataset.train_size=40")
    answer = terminal("routine=gallery", *FAST, *TINY[1:3], *words, f"hydra.run.dir={tmp_path}/a")
    assert answer.status == 0, answer.err
    assert drawn(tmp_path / "a") == FIGURES | {"learned_ranges"}
    result = json.loads((tmp_path / "a" / "result.json").read_text())
    assert {"gallery/swing", "test/loss", "range/lifting.mirror"} <= result.keys()


def test_of_an_autoencoder_the_layers_are_shown(terminal: Terminal, tmp_path: Path) -> None:
    """It has no beliefs."""
    net = ("net=vae_equivariant", "task=elbo", "conv.partial=False", *TINY[::3], TINY[1])
    answer = terminal("routine=gallery", "debug=True", *net, f"hydra.run.dir={tmp_path}/a")
    assert answer.status == 0, answer.err
    assert drawn(tmp_path / "a") == {"kernel_lifting", "kernel_group", "feature_maps"}


def test_what_cannot_be_looked_at_is_one_line(trained: Path, terminal: Terminal) -> None:
    def refused(complaint: str) -> None:
        answer = terminal("routine=gallery", f"routine.run={trained}", *FAST)
        assert answer.status == 1
        said = answer.out + answer.err
        (line,) = [line for line in said.splitlines() if complaint in line]
        assert str(trained) in line
        assert "Traceback" not in said

    config = yaml.safe_load((trained / "config.yaml").read_text())
    config["net"]["hidden_channels"] = 5
    (trained / "config.yaml").write_text(yaml.safe_dump(config))
    refused("best.pt is of another net")
    (trained / "result.json").unlink()
    refused(f"the run is not finished; train.resume={trained} continues it")
    (trained / "config.yaml").unlink()
    refused("holds no run")
    shutil.rmtree(trained)
    refused("there is no such run folder")
