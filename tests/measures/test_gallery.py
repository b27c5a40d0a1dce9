"""The gallery: of a run or of a finished one, by its own config, and nothing is trained for it."""

import json
from pathlib import Path

from tests.terminal import Terminal

TINY = ("tracking=none", "net.hidden_channels=4", "net.widths=[1]", "base_group.num_samples=4")
FAST = ("measure=[gallery]", "measure.gallery.num_images=2", "measure.gallery.num_angles=8")
FIGURES = {"kernel_lifting", "kernel_group", "feature_maps", "turn", "confusion"}


def drawn(folder: Path) -> set[str]:
    """The figures in a run folder."""
    for path in (folder / "figures").glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 10_000, f"{path.name} is empty"
    return {path.stem for path in (folder / "figures").iterdir()}


def test_mirrors_and_ranges_of_a_partial_net_are_drawn(terminal: Terminal, tmp_path: Path) -> None:
    words = ("base_group=E2", "base_group.num_samples=8", "train.epochs=1", "dataset.train_size=40")
    answer = terminal(*FAST, *TINY[:3], *words, f"hydra.run.dir={tmp_path}/a")
    assert answer.status == 0, answer.err
    assert drawn(tmp_path / "a") == FIGURES | {"learned_ranges", "relaxations"}
    result = json.loads((tmp_path / "a" / "result.json").read_text())
    assert {"gallery/swing", "test/loss", "range/lifting.mirror"} <= result.keys()


def test_of_an_autoencoder_the_layers_are_shown(terminal: Terminal, tmp_path: Path) -> None:
    """It has no beliefs."""
    net = ("net=vae_equivariant", "task=elbo", "conv.partial=False", *TINY[::3], TINY[1])
    answer = terminal("measure=[gallery]", "debug=True", *net, f"hydra.run.dir={tmp_path}/a")
    assert answer.status == 0, answer.err
    assert drawn(tmp_path / "a") == {"kernel_lifting", "kernel_group", "feature_maps"}
