"""The routine: what it says of strides and angles is so, and it goes on where it stopped."""

import csv
import json
from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import Any

import pytest
import torch

from analysis.broken_equivariance import draw_errors_over_layers
from composition import Composition
from constructors import Run, compose, construct_model
from datasets.framing import circle_crop
from datasets.spec import DataSpec
from partial_equiv.equivariance import Action
from partial_equiv.groups import Cyclic
from routines.equivariance.routine import Variant
from routines.equivariance.routine import run as routine
from routines.equivariance.trained import train, turned
from routines.equivariance.untrained import own_actions
from tests.terminal import Answer, Terminal
from tracking import JsonTracker

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
    assert broken["reason"].endswith("the stride rule asks for 0, but (9 + 2·0 - 2) mod 2 = 1")
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


def test_a_net_that_drops_elements_is_measured_to_the_end(
    run: Callable[..., Answer], tmp_path: Path
) -> None:
    """What it drops has no error that is finite, and the figure a gap."""
    words = f"routine.trained=[{ONE}]", "routine.untrained=[]", "conv.partial=True", "debug=True"
    dropped = "base_group.initial_keep=0.1", "net.last_kernel_size=null"
    answer = run(*words, *dropped)
    assert answer.status == 0, answer.err
    folder = tmp_path / "run"
    told = next(folder.glob("*/metrics.jsonl")).read_text()
    assert "train/loss" in told
    assert "equivariance/lifting" not in told
    assert (folder / "figures" / "error_over_layers.png").stat().st_size > 10_000


def test_a_net_that_has_collapsed_is_measured_to_the_end(tmp_path: Path) -> None:
    """It gives all images the same scores: of an error there is nothing to say."""
    words = (*TINY, *NETS, "dataset.size=8", "net.last_kernel_size=null", "debug=True")
    parts = Run(Composition(), words, tmp_path, JsonTracker(tmp_path))("train.learning_rate=1e-30")
    parts.model.readout.weight.data.zero_()
    settings = {"angles": (0, 90, 180, 270), "num_images": 4, "num_tests": 8}
    found = train(parts, "dead", 0, JsonTracker(tmp_path), **settings)
    assert isnan(found.error)
    assert [errors for _, errors in found.history] == [{}, {}]
    assert len(set(found.accuracies.values())) == 1
    draw_errors_over_layers({"dead": found.history}, 1e-4, tmp_path / "dead.png")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"untrained": []}, "routine.untrained=[], routine.trained=[]: name a net in one of them"),
        ({"sizes": []}, "routine.sizes=[]: name one at least"),
        ({"num_images": 1}, "routine.num_images=1: two different ones at least"),
        (
            {"untrained": [Variant("a"), Variant("a")]},
            "routine.untrained[1].name=a: another net is called so",
        ),
        ({"untrained": [Variant("a/b")]}, "routine.untrained[0].name=a/b: should be letters"),
        (
            {"untrained": [Variant("a", ["sed=1"])]},
            "routine.untrained[0]: sed=1: the config has no sed",
        ),
        (
            {"trained": [Variant("a"), Variant("b", ["dataset.size=1"])]},
            "routine.trained[1]: Given input size",
        ),
        (
            {"trained": [Variant("a", ["dataset=unit_cells", "task=regression", "net=cells_d4"])]},
            "routine.trained[0]: its accuracy is asked for, use task=classification",
        ),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value.partition(":")[0],
)
def test_what_could_not_be_finished_is_refused_before_it_begins(
    settings: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    tracker = JsonTracker(tmp_path)
    words = (*TINY, *NETS, "net.last_kernel_size=null")
    build = Run(Composition(), words, tmp_path, tracker)
    with pytest.raises(ValueError, match=r".") as caught:
        routine(build, tracker, tmp_path, **{"untrained": [Variant("a")], "trained": []} | settings)
    assert str(caught.value).startswith(reason)
    assert len(str(caught.value).splitlines()) == 1
    assert not list(tmp_path.iterdir())


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
    ("base_group", "number"),
    [
        *(("T2", 3), ("p4", 3), ("dihedral", 7), ("mirror", 1), ("E2", 7)),
        *(("cyclic base_group.order=1", 3), ("cyclic base_group.order=3", 3)),
        ("cyclic base_group.order=6", 1),
    ],
)
def test_a_net_is_measured_by_its_own_symmetries(base_group: str, number: int) -> None:
    words = [
        *f"base_group={base_group}".split(),
        "conv.partial=False",
        "net.widths=[1]",
        "net.pools=[0]",
    ]
    found = own_actions(construct_model(compose(words)))
    assert len(found) == number
    identity = torch.eye(2)
    for action in found:
        matrix = action.group.matrix(action.element).float()
        assert not torch.allclose(matrix, identity, atol=1e-5)
        assert not action.interpolates
    assert isinstance(found[0], Action)
    assert isinstance(found[0].group, Cyclic) or base_group != "T2"
