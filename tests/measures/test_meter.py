"""The meter, on test images, on noise and after every epoch: strides break what the rule says."""

from collections.abc import Callable
from dataclasses import replace
from math import isinf
from statistics import fmean

import pytest
import torch

from constructors import compose, construct_model
from measures.layer_errors import LayerErrors, recorded
from measures.measure import Subject
from measures.meter import Meter
from measures.own_symmetries import own_actions
from measures.sizes import Sizes
from partial_equiv.equivariance import Action
from partial_equiv.groups import Cyclic


def test_strides_break_it_at_the_sizes_that_the_rule_says(subject: Callable[..., Subject]) -> None:
    found = Sizes(sizes=(8, 9, 10), num_images=2).measure(subject("train=none"))
    assert max(found.values["relative/8"], found.values["relative/10"]) < 1e-4
    assert found.values["relative/9"] > 1e-2
    assert found.values["exact"] == 2
    columns, rows = found.tables["errors"]
    (broken,) = [dict(zip(columns, row, strict=True)) for row in rows if row[4]]
    assert (broken["size"], broken["first break"]) == (9, "pool0")
    assert "(9 + 2·0 - 2) mod 2 = 1" in str(broken["reason"])
    (picture,) = found.pictures
    assert picture.name == "error_over_size.png"
    plain = Sizes(sizes=(8, 9)).measure(subject("net.pools=[]"))
    assert max(plain.values.values()) == plain.values["exact"] == 2, "no stride, no break"


def test_every_layer_is_measured_under_every_move(subject: Callable[..., Subject]) -> None:
    exact, broken = (Meter().measure(subject(f"dataset.size={size}")) for size in (10, 11))
    assert exact.values["relative"] < 1e-4 < 1e-2 < broken.values["relative"]
    assert (exact.values["first_break"], broken.values["first_break"]) == ("", "pool0")
    columns, rows = broken.tables["layers"]
    assert list(columns) == ["layer", "kind", "move", "mse", "l1", "relative"]
    moves = {f"turned by {angle}°" for angle in (90, 180, 270)}
    assert {row[2] for row in rows} == moves
    assert len(rows) == 3 * len({row[0] for row in rows})
    before = [row for row in rows if row[0] == "lifting"]
    assert all(row[5] < 1e-4 for row in before), "it breaks further on"
    (picture,) = broken.pictures
    assert picture.stat().st_size > 10_000


def test_a_turn_between_the_pixels_is_interpolated(subject: Callable[..., Subject]) -> None:
    words = "net=gcnn", "base_group=SE2", "base_group.num_samples=4", "kernel=siren"
    found = Meter(num_turns=8).measure(subject(*words, "net.widths=[1]", "dataset.size=10"))
    _, rows = found.tables["layers"]
    errors = {row[2]: row[5] for row in rows if row[0] == "output"}
    assert len(errors) == 7
    assert max(errors[f"turned by {angle}°"] for angle in (90, 180, 270)) < 1e-4
    assert min(errors[f"turned by {angle}°"] for angle in (45, 135, 225, 315)) > 1e-3


def test_the_probe_is_drawn_over_the_epochs(subject: Callable[..., Subject]) -> None:
    one = subject("dataset.size=11")
    images, _ = next(one.splits.val.batches(4))
    first = LayerErrors(4).look(one.model, images)
    assert first["layer_errors/lifting"] < 1e-4 < 1e-2 < first["layer_errors/pool0"]
    turns = [first[f"errors/rot{angle}"] for angle in (90, 180, 270)]
    assert fmean(turns) == pytest.approx(first["layer_errors/output"])
    finer = LayerErrors(4, num_turns=8).look(one.model, images)
    assert finer["errors/rot90"] == pytest.approx(turns[0], rel=1e-4)
    assert finer["errors/rot45"] > 1e-2
    history = [{"epoch": 0, **first}, {"epoch": 1, "train/loss": 1.0, **first}]
    found = Meter().measure(replace(one, history=history))
    columns, rows = found.tables["epochs"]
    assert list(columns) == ["epoch", "layer", "relative"]
    number = len(first) - len(turns)
    assert [row[0] for row in rows] == [0] * number + [1] * number
    assert [1, "pool0", first["layer_errors/pool0"]] in [list(row) for row in rows]
    assert recorded([{"epoch": 3, "val/loss": 0.1}]) == []


def test_a_net_that_drops_elements_is_measured_to_the_end(subject: Callable[..., Subject]) -> None:
    """What it drops has no error that is finite, and the figure a gap."""
    words = "conv.partial=True", "relaxation.initial_keep=0.1", "dataset.size=10"
    one = subject(*words)
    images, _ = next(one.splits.val.batches(4))
    assert "layer_errors/lifting" not in LayerErrors(4).look(one.model, images)
    found = Meter().measure(one)
    assert any(isinf(row[5]) for row in found.tables["layers"][1])
    assert found.pictures[0].stat().st_size > 10_000


def test_a_net_that_has_collapsed_is_measured_to_the_end(subject: Callable[..., Subject]) -> None:
    """It gives all images the same scores: of an error there is nothing to say."""
    one = subject("dataset.size=8")
    torch.nn.init.zeros_(one.model.readout.weight)
    images, _ = next(one.splits.val.batches(4))
    assert LayerErrors(4).look(one.model, images) == {}
    found = Meter().measure(one)
    assert list(found.values) == ["reason"]
    assert found.pictures == ()


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
