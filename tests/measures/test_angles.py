"""The accuracy by the angle: an exact net does not see quarter turns, and images turn rightly."""

from collections.abc import Callable
from statistics import fmean

import pytest
import torch

from config_schema import ConfigError
from constructors import check, compose
from datasets.framing import circle_crop
from datasets.spec import DataSpec
from measures.angles import Angles, drawn_curve, turned
from measures.measure import Subject


def undecided(one: Subject) -> Subject:
    """A net that gives its images many classes, as an untrained one does not."""
    images, _ = next(one.splits.test.batches(200))
    one.model.readout.bias -= one.model(images).mean(0)
    return one


def test_the_exact_net_does_not_see_quarter_turns(subject: Callable[..., Subject]) -> None:
    """Ten pixels halve, eleven do not."""
    exact = Angles(num_angles=4).measure(undecided(subject("dataset.size=10")))
    (picture,) = exact.pictures
    assert picture.stat().st_size > 10_000
    quarters = [exact.values[f"accuracy_{angle}"] for angle in (0, 90, 180, 270)]
    assert set(quarters) == {exact.values["seen"]}
    assert exact.values["unseen"] == pytest.approx(exact.values["seen"])
    columns, rows = exact.tables["accuracy"]
    assert list(columns) == ["degrees", "accuracy"]
    assert [angle for angle, _ in rows] == [0, 45, 90, 180, 270]
    broken = Angles(num_angles=8, num_tests=300).measure(undecided(subject("dataset.size=11")))
    quarters = [float(broken.values[f"accuracy_{angle}"]) for angle in (0, 90, 180, 270)]
    assert len(set(quarters)) > 1
    assert broken.values["unseen"] == pytest.approx(fmean(quarters))
    assert all(each * 300 == pytest.approx(round(each * 300)) for each in quarters), "of 300"


def test_45_degrees_alone_do_not_dent_the_curve() -> None:
    steps = {step * 10.0: 1.0 for step in range(36)} | {45.0: 0.5}
    assert 45 not in drawn_curve(steps)
    assert 45 in drawn_curve({step * 45.0: 1.0 for step in range(8)})


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


CELLS = ("dataset=unit_cells", "task=regression", "net=cells", "base_group=dihedral")
MLP = ("net=vae_mlp", "task=elbo", "conv.partial=False")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((*CELLS, "measure=[meter]"), "measure=meter: needs a data set with classes"),
        ((*MLP, "measure=[gallery]"), "measure=gallery: needs a net with group convolutions"),
        (("net=p4cnn", "measure=[sizes]", "measure.sizes.sizes=[1,28]"), "measure.sizes.sizes=1"),
        (("measure=[sizes]", "measure.sizes.sizes=[8,8]"), "measure.sizes.sizes=[8, 8]: name one"),
        (("measure=[meter]", "measure.meter.num_images=1"), "measure.meter.num_images=1"),
    ],
    ids=lambda each: each.partition(": ")[0] if isinstance(each, str) else "",
)
def test_a_measure_says_what_it_needs_in_one_line(words: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ConfigError, match=r".") as caught:
        check(compose(words))
    assert str(caught.value).startswith(reason)
    assert len(str(caught.value).splitlines()) == 1
