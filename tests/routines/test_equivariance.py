"""The routine: what it says of strides and angles is so, and it goes on where it stopped."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from constructors import compose, construct_model
from datasets.framing import circle_crop
from datasets.spec import DataSpec
from partial_equiv.equivariance import Action
from partial_equiv.groups import Cyclic, Trivial
from routines.equivariance.trained import turned
from routines.equivariance.untrained import own_actions
from tests.terminal import Answer, Terminal

TINY = ("routine=equivariance", "tracking=none", "dataset.train_size=40", "train.epochs=1")
NETS = ("net.hidden_channels=2", "net.widths=[1]", "net.pools=[0]", "net.dropout_after=[]")
ONE = "{name: one, words: ['dataset.size=10']}"
OTHER = "{name: other, words: ['dataset.size=11']}"


@pytest.fixture
def run(terminal: Terminal, tmp_path: Path) -> Callable[..., Answer]:
    """A small run in the folder `run`."""
    words = (*TINY, *NETS, "routine.num_angles=4", f"hydra.run.dir={tmp_path / 'run'}")
    return lambda *more: terminal(*words, *more)


def rows(path: Path, name: str) -> list[dict[str, str]]:
    """A table of a run."""
    with (path / "tables" / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_strides_break_it_at_the_sizes_that_the_rule_says(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    answer = run(
        "routine.trained=[]",
        "routine.untrained=[{name: pool}, {name: none, words: ['net.pools=[]']}]",
        "routine.sizes=[8,9,10]",
        "net.last_kernel_size=null",
    )
    assert answer.status == 0, answer.err
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert max(result[f"untrained/none/{size}"] for size in (8, 9, 10)) < 1e-4
    assert max(result["untrained/pool/8"], result["untrained/pool/10"]) < 1e-4
    assert result["untrained/pool/9"] > 1e-2
    (broken,) = [row for row in rows(tmp_path / "run", "sizes") if row["first break"]]
    assert broken["first break"] == "pool0"
    assert broken["reason"] == "stride rule: (9 + 2·0 - 2) mod 2 = 1"
    assert {path.stem for path in (tmp_path / "run" / "figures").iterdir()} == {"error_over_size"}


def test_the_exact_net_does_not_see_quarter_turns(
    run: Callable[..., Answer], terminal: Terminal, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    words = (f"routine.trained=[{ONE}, {OTHER}]", "routine.untrained=[]", "routine.num_seeds=2")
    answer = run(*words, "net.last_kernel_size=null")
    assert answer.status == 0, answer.err
    result = json.loads((folder / "result.json").read_text())
    assert result["one/equivariance_error"] < 1e-4 < 1e-2 < result["other/equivariance_error"]
    seen = {result[f"one/accuracy_{angle}"] for angle in (0, 90, 180, 270)}
    assert seen == {result["one/seen"]}
    assert result["one/unseen"] == pytest.approx(result["one/seen"])
    angles = rows(folder, "angles")
    assert len(angles) == 2 * 2 * 5, "nets, seeds, angles"
    assert {row["degrees"] for row in angles} == {"0.0", "45", "90.0", "180.0", "270.0"}
    ways = [folder.glob(f"*size={size}*/metrics.jsonl") for size in (10, 11)]
    histories = [json.loads(next(way).read_text().splitlines()[0]) for way in ways]
    assert histories[0]["equivariance/pool0"] < 1e-4 < 1e-2 < histories[1]["equivariance/pool0"]
    drawn = {path.stem for path in (folder / "figures").iterdir()}
    assert drawn == {"accuracy_over_angle", "error_over_layers"}
    (folder / "result.json").unlink()  # as if it had been stopped
    before = {path: path.read_bytes() for path in folder.glob("*/checkpoints/best.pt")}
    assert len(before) == 4
    answer = terminal(f"train.resume={folder}")
    assert answer.status == 0, answer.err
    assert "epoch 1/1" not in answer.out + answer.err, "all trainings were finished"
    assert {path: path.read_bytes() for path in before} == before
    assert json.loads((folder / "result.json").read_text()) == result


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("routine.trained=[{nam: a}]", "routine.trained[0]="),
        ("routine.untrained=[{name: a, words: ['net.pool=3']}]", "net.pool=3: should be"),
        ("routine.sizes=[1]", "routine.sizes=[1]: p4cnn on 1 pixels: "),
        ("routine.num_angles=0", "routine.num_angles=0: should be"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(
    word: str, reason: str, run: Callable[..., Answer]
) -> None:
    answer = run("routine.trained=[]", "routine.untrained=[{name: p4cnn}]", word)
    assert answer.status != 0
    said = answer.out + answer.err
    assert reason in said
    assert "Traceback" not in said


def test_images_turn_as_the_group_acts_and_their_corners_stay_black() -> None:
    spec = DataSpec(1, 2, (9, 9), (0.3,), (0.2,), circle_crop=True)
    plain = circle_crop(torch.rand(2, 1, 9, 9, generator=torch.Generator().manual_seed(0)))
    images = (plain - 0.3) / 0.2
    for quarters in range(4):
        expected = images.rot90(quarters, (-2, -1))
        torch.testing.assert_close(turned(images, spec, 90 * quarters), expected)
    at_an_angle = turned(images, spec, 30) * 0.2 + 0.3
    torch.testing.assert_close(circle_crop(at_an_angle), at_an_angle)
    assert at_an_angle[..., 0, 0].abs().max() < 1e-6
    assert not torch.allclose(at_an_angle, plain)


@pytest.mark.parametrize(
    ("base_group", "number"), [("T2", 3), ("p4", 3), ("dihedral", 7), ("mirror", 1), ("E2", 7)]
)
def test_a_net_is_measured_by_its_own_symmetries(base_group: str, number: int) -> None:
    words = [f"base_group={base_group}", "conv.partial=False", "net.widths=[1]", "net.pools=[0]"]
    found = own_actions(construct_model(compose(words)))
    assert len(found) == number
    identity = torch.eye(2)
    for action in found:
        matrix = action.group.matrix(action.element).float()
        assert not torch.allclose(matrix, identity, atol=1e-5)
        assert not action.interpolates
    assert isinstance(found[0], Action)
    assert isinstance(found[0].group, Cyclic) or base_group != "T2"
    assert not isinstance(found[0].group, Trivial)
