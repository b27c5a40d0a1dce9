"""measure=[agreement]: an oracle is right by all figures; others are wrong by the right ones."""

from math import sqrt
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from config_schema import ConfigError
from constructors import check, compose
from datasets.known_symmetry import KnownSymmetry
from datasets.spec import Splits
from datasets.truth import Truth
from measures.agreement import Agreement, agreements
from measures.measure import Measured, Subject
from partial_equiv import SO2, Layer, LearnedSubset
from tasks import Classification
from tester import evaluate

SMALL = {"classes": (4, 6, 7), "train_size": 30, "size": 10, "test_size": 18, "poses": "every"}
ANGLES = 24


class Oracle(nn.Module):
    """Tells the label of the picture that is nearest, among all test pictures in all poses.

    Args:
        splits: of data with a truth.
        believed: which orientations there are; None: the truth. A pose that belongs to none of them
            gets an answer that no label is.
    """

    def __init__(self, splits: Splits, believed: Truth | None = None) -> None:
        super().__init__()
        truth = splits.spec.truth
        assert truth is not None
        assert splits.test_at is not None
        self.nothing = splits.spec.num_outputs
        templates, labels = [], []
        for mirrored in (False, True):
            for degrees in range(0, 360, 360 // ANGLES):
                images, sources = next(splits.test_at(degrees, mirrored).batches(10_000))
                part = (believed or truth).part(degrees, mirrored)
                label = sources * truth.num_parts + (part or 0)
                templates.append(images.flatten(1))
                labels.append(label if part is not None else torch.full_like(label, self.nothing))
        self.templates, self.labels = torch.cat(templates), torch.cat(labels)

    def forward(self, images: Tensor) -> Tensor:
        nearest = torch.cdist(images.flatten(1), self.templates).argmin(1)
        return nn.functional.one_hot(self.labels[nearest], self.nothing + 1).float()


class Constant(nn.Module):
    """Tells one class whatever it sees."""

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.one_hot(torch.ones(len(images), dtype=torch.long), 3).float()


def measured(model: nn.Module, splits: Splits, folder: Path) -> Measured:
    """What the measure says of a net."""
    subject = Subject(model.eval(), splits, Classification(), [], folder, 0, 64)
    return Agreement(num_angles=ANGLES).measure(subject)


@pytest.mark.parametrize(
    "dials",
    [
        {"within": 45.0, "orientations": 2},
        {"within": 30.0, "orientations": 1, "mirror": "counts"},
        {"within": 15.0, "orientations": 3, "mirror": "free", "strength": 0.5},
        {"within": 180.0, "orientations": 1},
    ],
    ids=str,
)
def test_the_oracle_is_right(dials: dict[str, Any], tmp_path: Path) -> None:
    data = KnownSymmetry(**SMALL, **dials)
    splits, truth = data.splits(), data.truth
    oracle = Oracle(splits)
    found = measured(oracle, splits, tmp_path)
    counts = truth.num_parts > 1
    right = {"lack": 0.0, "inside": 1.0, **({"excess": 0.0, "outside": 1.0} if counts else {})}
    values = dict(found.values)
    unasked = values.pop("unasked")
    assert 0 <= unasked <= 1
    assert values == {**right, "bayes": truth.bayes_accuracy}
    accuracy = evaluate(oracle, splits.test.batches(64), Classification())["accuracy"]
    bayes = truth.bayes_accuracy
    assert abs(accuracy - bayes) <= 3 * sqrt(bayes * (1 - bayes) / len(splits.test))
    columns, rows = found.tables["agreement"]
    assert list(columns[:2]) == ["degrees", "mirrored"]
    assert [row[:2] for row in rows[:2]] == [(0, False), (15, False)]
    assert len(rows) == 2 * ANGLES
    assert all(row[3] == row[2] for row in rows if row[2] is not None)
    (picture,) = found.pictures
    assert picture.stat().st_size > 10_000


def test_a_constant_net_is_too_invariant(tmp_path: Path) -> None:
    splits = KnownSymmetry(**SMALL).splits()
    found = measured(Constant(), splits, tmp_path).values
    assert (found["excess"], found["lack"], found["unasked"]) == (1, 0, 1)
    assert found["inside"] == 0
    turned_fours = (splits.test.targets[18:] == 1).double().mean().item()
    assert found["outside"] == pytest.approx(turned_fours)


def test_a_net_that_is_blind_to_orientations_is_right_inside_alone(tmp_path: Path) -> None:
    splits = KnownSymmetry(**SMALL).splits()
    blind = Oracle(splits, believed=Truth(180, 1, "free"))
    found = measured(blind, splits, tmp_path).values
    assert (found["excess"], found["lack"], found["unasked"]) == (1, 0, 1)
    assert (found["inside"], found["outside"]) == (1, 0)


def test_a_net_that_is_invariant_to_fewer_turns_lacks_the_others(tmp_path: Path) -> None:
    """It keeps its answer up to 15 degrees: at two of six turns, and at three of seven poses."""
    splits = KnownSymmetry(**SMALL).splits()
    narrow = Oracle(splits, believed=Truth(15, 2))
    found = measured(narrow, splits, tmp_path).values
    assert found["lack"] == pytest.approx(4 / 6)
    assert (found["excess"], found["unasked"]) == (0, 0)
    assert (found["inside"], found["outside"]) == (pytest.approx(3 / 7), pytest.approx(3 / 7))


def test_moves_start_in_every_pose() -> None:
    """Of pictures this net tells nothing, of mirror images the angle."""
    answers = torch.zeros(2, 4, 1, dtype=torch.long)
    answers[1] = torch.arange(4)[:, None]
    told = agreements(answers, Truth(0, 2, "free"))
    expected = [[1, 0.5, 0.5, 0.5], [0.5, 0.25, 0.5, 0.25]]
    torch.testing.assert_close(told, torch.tensor(expected, dtype=torch.float64))


def test_the_range_error_is_that_of_the_narrowest_layer(tmp_path: Path) -> None:
    class Learned(Constant):
        def __init__(self) -> None:
            super().__init__()
            ranges = (0.5, 0.3, 0.9)
            layer = Layer(SO2(), 4)
            self.layers = nn.ModuleList(LearnedSubset(layer, initial_range=r) for r in ranges)

    found = measured(Learned(), KnownSymmetry(**SMALL).splits(), tmp_path).values
    assert found["range_error"] == pytest.approx(0.3 * 180 - 45)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("dataset=digits",), "measure=agreement: needs data whose symmetry is known; try dataset"),
        (
            ("dataset=known_symmetry", "net=vae_mlp", "task=elbo", "conv.partial=False"),
            "measure=agreement: needs a net that classifies",
        ),
    ],
)
def test_what_it_needs_is_said_in_one_line(words: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(compose([*words, "measure=[agreement]"]))
    assert str(caught.value).startswith(reason)
    assert "\n" not in str(caught.value)
