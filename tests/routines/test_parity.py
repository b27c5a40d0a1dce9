"""The comparison under the mirror: what it must come to, its files, and that it goes on."""

import csv
import json
import shutil
from math import isnan
from pathlib import Path

import pytest
import torch

from constructors import compose, construct_model
from routines.parity.outcomes import sensitivities
from tests.terminal import Terminal

TINY = ("routine=parity", "tracking=none", "net.hidden_channels=8", "routine.num_images=20")
SIXES = (
    *("dataset=digits6_m", "dataset.size=12", "train.epochs=12", "conv.kernel_size=3"),
    *("routine.nets=[baseline,parity,partial]", "routine.probabilities=[1]"),
)


WORDS = "net=parity", "kernel=grid", "conv.partial=False"


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "tables" / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_mirror_is_seen_by_who_may_see_it_and_a_torn_run_goes_on(
    terminal: Terminal, tmp_path: Path
) -> None:
    """Sixes against mirrored sixes: the answers to mirror images are wrong if those to the images
    are right, and mirroring what is trained on exchanges the classes."""
    folder = tmp_path / "run"
    answer = terminal(*TINY, *SIXES, f"hydra.run.dir={folder}")
    assert answer.status == 0, answer.err
    result = json.loads((folder / "result.json").read_text())
    for net in ("baseline", "partial"):
        wrong, right = (result[f"{net}_1/{which}accuracy"] for which in ("", "mirrored_"))
        assert right > 0.9, "it has learned the mirrored images"
        assert wrong == pytest.approx(1 - right)
        assert result[f"{net}_1/least_corr_equiv"] < 0.9
    assert result["parity_1/accuracy"] == result["parity_1/mirrored_accuracy"] == 0.5
    assert result["parity_1/same_answers"] == 1
    assert abs(result["parity_1/least_corr_equiv"] - 1) < 1e-5
    assert min(result[f"partial_1/range/conv{i}.mirror"] for i in (1, 2, 3)) < 0.5
    assert result["baseline_1/parameters"] == result["parity_1/parameters"]

    rows = table(folder, "results")
    assert [row["net"] for row in rows] == ["baseline", "parity", "partial"]
    (compared,) = table(folder, "comparison")
    assert float(compared["mirror_probability"]) == 1
    assert float(compared["parity_difference"]) == 0
    assert float(compared["baseline_difference"]) < -0.8
    layers = table(folder, "sensitivity")
    assert len(layers) == 3 * 14
    for row in layers:
        exact = abs(float(row["corr_equiv"]) - 1) < 1e-5
        assert exact or row["net"] != "parity", row
        assert not exact or row["net"] != "baseline", row
    figures = {path.stem: path for path in (folder / "figures").iterdir()}
    assert figures.keys() == {"accuracies", "correlations", "feature_maps_1"}
    assert all(path.stat().st_size > 10_000 for path in figures.values())

    (folder / "result.json").unlink()  # as if it had been stopped in its last training
    shutil.rmtree(folder / "partial_1")
    weights = [path.read_bytes() for path in sorted(folder.glob("*/checkpoints/best.pt"))]
    assert len(weights) == 2
    answer = terminal(f"train.resume={folder}")
    assert answer.status == 0, answer.err
    assert (answer.out + answer.err).count("epoch 12/12") == 1, "one was left to train"
    again = json.loads((folder / "result.json").read_text())
    for key, value in result.items():
        assert again[key] == value or key.endswith("seconds/train"), key
    (folder / "partial_1" / "checkpoints" / "best.pt").unlink()
    assert [path.read_bytes() for path in sorted(folder.glob("*/checkpoints/best.pt"))] == weights


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("routine.nets=[]", "routine.nets=[]: name one at least, each once"),
        ("routine.probabilities=[0,0]", "routine.probabilities=[0.0, 0.0]: name one at least"),
        ("routine.probabilities=[2]", "routine.probabilities[0]=2: should be less than or equal"),
        ("routine.probabilities=[0.1,0.10000001]", "routine.probabilities=[0.1, 0.10000001]: name"),
        ("routine.num_images=1", "routine.num_images=1: two different ones at least"),
        ("base_group=p4", "base_group.group=Cyclic: does not hold the mirror, use base_group=mirr"),
        (
            "net=vae_small",
            "net: has no layers on a group, for routine.nets=[parity] use net",
        ),
        ("routine.nets=[parties]", "routine.nets[0]=parties: should be 'baseline', 'parity'"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(
    terminal: Terminal, tmp_path: Path, word: str, reason: str
) -> None:
    answer = terminal(*TINY, "debug=True", word, f"hydra.run.dir={tmp_path / 'run'}")
    assert answer.status == 1
    said = answer.out + answer.err
    assert [line for line in said.splitlines() if reason in line], said
    assert "Traceback" not in said


def test_a_net_that_has_collapsed_is_measured_all_the_same() -> None:
    """It gives all images the same scores: its last layers say nothing, the others do."""
    net = construct_model(compose([*WORDS, "base_group=mirror"])).eval()
    net.readout.weight.data.zero_()
    rows = {row.layer: row for row in sensitivities(net, torch.randn(3, 1, 8, 8))}
    assert all(isnan(row.relative_error) for row in rows.values())
    assert rows["conv1"].least_corr_equiv == pytest.approx(1, abs=1e-5)


def test_other_nets_and_tasks(terminal: Terminal, tmp_path: Path) -> None:
    """The regular representation on a group that holds the mirror; an autoencoder is refused."""
    dry = *TINY, "debug=True", "routine.probabilities=[0.5]", "routine.num_images=4"
    words = "net=gcnn", "base_group=dihedral", "base_group.order=2", "routine.nets=[parity]"
    answer = terminal(*dry, *words, f"hydra.run.dir={tmp_path / 'run'}")
    assert answer.status == 0, answer.err
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert abs(result["parity_0.5/least_corr_equiv"] - 1) < 1e-5
    words = "net=vae_small", "task=elbo", "routine.nets=[parity]"
    answer = terminal(*dry, *words, f"hydra.run.dir={tmp_path / 'other'}")
    assert answer.status == 1
    assert "task: routine=parity compares accuracies" in answer.out + answer.err
