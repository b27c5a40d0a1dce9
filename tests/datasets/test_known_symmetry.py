"""Known symmetry: what is published is a special case, labels know what they should, no leaks."""

from math import sqrt
from pathlib import Path

import pytest
import torch
from torch import Tensor

from config_schema import ConfigError
from constructors import Build, compose
from datasets.dataset import DataSet
from datasets.images import Labelled
from datasets.known_symmetry import KnownSymmetry
from datasets.objects import Objects
from datasets.sixes import DigitsSixes, MNISTSixes
from datasets.spec import Split
from tests.datasets.conftest import LABELS

UPRIGHT = {"within": 0.0, "orientations": 1}


def samples(split: Split) -> tuple[Tensor, Tensor]:
    """Images and targets of a split."""
    return next(split.batches(len(split)))


def listed(split: Split) -> list[tuple[list[float], int]]:
    """All samples of a split, sorted."""
    images, targets = samples(split)
    return sorted(zip(images.flatten(1).tolist(), targets.tolist(), strict=True))


def same(first: DataSet, second: DataSet) -> bool:
    """Whether two data sets have the same samples, bit by bit, in any order."""
    one, other = first.splits(), second.splits()
    pairs = ((one.train, other.train), (one.val, other.val), (one.test, other.test))
    return all(listed(each) == listed(of) for each, of in pairs)


@pytest.mark.parametrize(
    ("copies", "dials"),
    [
        ("turned", {"within": 0.0, "orientations": 2}),
        ("mirrored", {**UPRIGHT, "mirror": "counts"}),
    ],
)
def test_published_tasks_are_special_cases(copies: str, dials: dict, mnist_root: Path) -> None:
    settings = {**dials, "classes": ("6",), "poses": "every"}
    digits = KnownSymmetry(**settings, val_size=30, test_size=50)
    assert same(digits, DigitsSixes(copies=copies))
    how = {"turned": "turned by 180°", "mirrored": "mirrored"}[copies]
    assert digits.spec.class_names == ("6", f"6 {how}")
    assert not digits.spec.circle_crop, "corners tell nothing of quarter turns"
    mnist = KnownSymmetry(**settings, source="mnist", root=str(mnist_root), val_size=2)
    assert same(mnist, MNISTSixes(str(mnist_root), copies=copies, val_size=2))


def test_no_source_picture_is_in_two_splits() -> None:
    """Upright they can be compared."""
    splits = KnownSymmetry(**UPRIGHT, size=8, circle_crop=False).splits()
    parts = [samples(each)[0] for each in (splits.train, splits.val, splits.test)]
    every = torch.cat(parts)
    assert len(every.unique(dim=0)) == len(every) == 724
    assert [len(each) for each in parts] == [462, 81, 181]


def test_the_test_is_shown_in_any_pose() -> None:
    data = KnownSymmetry(within=0, orientations=4, classes=(4, 6), poses="every", test_size=20)
    splits = data.splits()
    images, targets = samples(splits.test)
    assert splits.test_at is not None
    for part, (degrees, mirrored) in enumerate(data.truth.poses):
        shown, sources = samples(splits.test_at(degrees, mirrored))
        assert torch.equal(shown, images[targets % 4 == part])
        assert torch.equal(sources * 4 + part, targets[targets % 4 == part])
    upright, _ = samples(splits.test_at(0, False))
    assert torch.equal(samples(splits.test_at(0, True))[0], upright.flip(-1))


def test_angles_fill_the_range_and_orientations_are_drawn() -> None:
    """The angle of a test picture is that of its source's view which is most like it."""
    degrees = torch.arange(-30.0, 31, 5)
    data = KnownSymmetry(within=30, orientations=3, train_size=400)
    splits = data.splits()
    assert splits.test_at is not None
    counts = samples(splits.train)[1].remainder(3).bincount().tolist()
    assert min(counts) > 400 / 3 - 4 * sqrt(400 * 2 / 9)
    images, targets = samples(splits.test)
    views = torch.stack([samples(splits.test_at(float(each), False))[0] for each in degrees])
    upright = targets % 3 == 0
    errors = (views - images).square().flatten(2).sum(-1)[:, upright]  # [angles, N]
    nearest = degrees[errors.argmin(0)]
    assert errors.amin(0).max() < errors.amax(0).min(), "one of the angles is near"
    assert {-30, 0, 30} < set(nearest.tolist()), "all of the range"
    assert abs(nearest.mean()) < 4 * 30 / sqrt(3 * len(nearest))


@pytest.mark.parametrize("mirror", ["absent", "free", "counts"])
def test_a_share_of_labels_knows_the_orientation(mirror: str) -> None:
    """Pictures and classes are those of full strength; parts of labels agree as Bayes says."""
    dials = {"orientations": 3, "within": 20.0, "mirror": mirror, "poses": "every"}
    full, weak = (KnownSymmetry(**dials, strength=each) for each in (1.0, 0.4))
    (images, sure), (again, told) = (samples(each.splits().train) for each in (full, weak))
    assert torch.equal(images, again)
    parts = full.truth.num_parts
    assert parts == (6 if mirror == "counts" else 3)
    assert torch.equal(sure // parts, told // parts)
    share, bayes = (sure == told).double().mean().item(), weak.truth.bayes_accuracy
    assert abs(share - bayes) < 4 * sqrt(bayes * (1 - bayes) / len(sure))
    wrong = (told - sure)[told != sure].remainder(parts).bincount(minlength=parts)[1:]
    assert wrong.min() > 0.7 * wrong.max(), "drawn evenly"


def test_the_split_seed_fixes_everything() -> None:
    def train(seed: int) -> Labelled:
        return samples(KnownSymmetry(strength=0.5, split_seed=seed).splits().train)

    (images, labels), (again, equal), (others, _) = train(0), train(0), train(1)
    assert torch.equal(images, again)
    assert torch.equal(labels, equal)
    assert not torch.equal(images, others)


def test_colour_pictures_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = torch.arange(60 * 3 * 4 * 4).view(60, 3, 4, 4).remainder(251).to(torch.uint8)
    monkeypatch.setattr(Objects, "read_part", lambda *_, **__: (pictures, LABELS))
    words = ["dataset=known_symmetry", "dataset.source=cifar10", "dataset.classes=[cat,dog]"]
    dials = ["dataset.within=0", "dataset.size=4", "dataset.test_size=4", "dataset.poses=every"]
    build = Build(compose([*words, *dials]))
    assert build.spec.class_names[2:] == ("dog", "dog turned by 180°")
    images, targets = samples(build.splits.test)
    assert images.shape == (8, 3, 4, 4)
    assert torch.equal(images[targets % 2 == 1], images[targets % 2 == 0].rot90(2, (-2, -1)))
    chosen = pictures[(LABELS == 3) | (LABELS == 5)] / 255
    raw = build.spec.denormalised(images[targets % 2 == 0])
    assert all((chosen - each).abs().amax((1, 2, 3)).min() < 1e-5 for each in raw)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            ("orientations=3", "within=61"),
            "dataset.within=61.0, orientations=3: orientations overlap beyond 60 degrees",
        ),
        (("classes=[6,x]",), "dataset.classes=['6', 'x']: no class x, only 0, 1, 2"),
        (("classes=[6,6]",), "dataset.classes=['6', '6']: should name at least one class"),
        (("strength=0",), "dataset.strength=0: should be greater than 0"),
        (("mirror=maybe",), "dataset.mirror=maybe: "),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(words: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _ = Build(compose(["dataset=known_symmetry", *(f"dataset.{each}" for each in words)])).spec
    assert str(caught.value).startswith(reason)
    assert "\n" not in str(caught.value)
