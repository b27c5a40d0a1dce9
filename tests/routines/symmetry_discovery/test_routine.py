"""The routine: stages by themselves, resumed, in their order, and refusals of one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from checkpoint import load
from routines.symmetry_discovery.judging import NEEDED, Judgement
from routines.symmetry_discovery.reports import agreement
from routines.symmetry_discovery.settings import STAGES
from tests.terminal import Answer, Terminal

DRY = ("routine=symmetry_discovery", "debug=True", "net.hidden_channels=4", "tracking=none")


@pytest.fixture
def dry_run(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Answer]:
    """A dry run in the folder `run`."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return lambda *words: terminal(*DRY, f"hydra.run.dir={tmp_path / 'run'}", *words)


def test_a_stage_trains_what_it_builds_on_and_goes_on(
    dry_run: Callable[..., Answer], terminal: Terminal, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    small = "routine.autoencoder_settings={hidden_channels: 4, widths: [1]}"
    answer = dry_run("routine.stages=[oracle]", "routine.latent_size=3", small)
    assert answer.status == 0, answer.err
    stages = {path.parent.name for path in folder.glob("*/checkpoints")}
    assert stages == {"autoencoder", "oracle"}
    result = json.loads((folder / "result.json").read_text())
    assert result.keys() == {"oracle/accuracy", "oracle/consistency"}
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert {"oracle/val/accuracy", "autoencoder/val/kl"} <= {
        key for each in metrics for key in each
    }
    (folder / "result.json").unlink()  # as if it had been stopped before the oracle
    shutil.rmtree(folder / "oracle")
    best = (folder / "autoencoder" / "checkpoints" / "best.pt").read_bytes()
    weights = load(folder / "autoencoder" / "checkpoints" / "best.pt")["model"]
    assert weights["head.weight"].shape == (2 * 3, 4 * 8 * 8), "its settings"
    answer = terminal(f"train.resume={folder}")
    assert answer.status == 0, answer.err
    said = answer.out + answer.err
    assert "val kl" not in said, "the autoencoder was finished"
    assert "val accuracy" in said
    assert json.loads((folder / "result.json").read_text()) == result
    answer = terminal(f"train.resume={folder}", "routine.stages=[transformation]")
    assert answer.status == 0, answer.err
    assert "val kl" not in answer.out + answer.err
    result = json.loads((folder / "result.json").read_text())
    assert {name.split("/")[0] for name in result} == {"transform"}
    assert (folder / "autoencoder" / "checkpoints" / "best.pt").read_bytes() == best


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("routine.steps=12", "routine.steps=12: an orbit has 12 views"),
        ("dataset=digits", "has single images, no orbits; try dataset=orbits"),
        ("routine.stages=[orakel]", "routine.stages[0]=orakel: should be 'autoencoder'"),
        ("routine.epochs.oracle=0", "should be greater than or equal to 1"),
        ("dataset.classes=[x]", "dataset.classes=['x']: no class x, only 0, 1"),
        ('dataset.classes=["1"]', "dataset.classes=['1']: one class leaves an oracle nothing"),
        ("dataset.num_views=1", "dataset.num_views=1: should be greater than or equal to 2"),
        ("dataset@dataset.source=unit_cells", "dataset.source: its images have target vectors"),
        ("routine.stages=[]", "routine.stages=[]: names none of autoencoder, transformation"),
        ("routine.autoencoder_settings={width: 4}", "ConvVAE takes no width, only depth, hidden_"),
        ("routine.autoencoder_settings={latent_size: 4}", "latent_size: is routine.latent_size"),
        ("task=elbo", "task=elbo: the net is no autoencoder"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(
    dry_run: Callable[..., Answer], word: str, reason: str
) -> None:
    answer = dry_run(word)
    assert answer.status == 1
    said = answer.out + answer.err
    assert [line for line in said.splitlines() if reason in line], said
    assert "Traceback" not in said
    assert "epoch 1/" not in said, "before anything is trained"


def test_agreement_counts_answers_and_their_majorities() -> None:
    told = torch.tensor([[0, 0, 0, 1], [1, 1, 0, 0]])
    found = agreement(told, torch.tensor([0, 1]))
    assert found == {"accuracy": 5 / 8, "consistency": (3 / 4 + 2 / 4) / 2}


def test_a_verdict_needs_every_number() -> None:
    nothing = torch.zeros(0)

    def verdict(**changes: float) -> Judgement:
        return Judgement({**dict.fromkeys(NEEDED, 1.0), **changes}, nothing, nothing, nothing)

    assert verdict().is_rotation
    for name in NEEDED:
        found = verdict(**{name: 0.5})
        assert not found.is_rotation
        assert [each.split()[0] for each in found.lacking] == [name]


def test_stages_come_in_an_order_in_which_each_has_what_it_needs() -> None:
    needs = {"transformation": "autoencoder", "oracle": "autoencoder", "generators": "oracle"}
    assert all(STAGES.index(one) > STAGES.index(other) for one, other in needs.items())
