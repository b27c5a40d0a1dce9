"""What turns keep a label, against the definition: all poses that the data show, one by one."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from datasets.truth import MirrorImages, Truth
from partial_equiv.refusal import Refusal

MIRRORS: tuple[MirrorImages, ...] = ("absent", "free", "counts")
ANGLES = st.floats(-360, 360)
TRUTHS = st.builds(
    lambda orientations, share, mirror: Truth(share * 180 / orientations, orientations, mirror),
    st.integers(1, 12),
    st.floats(0, 1),
    st.sampled_from(MIRRORS),
)


def apart(one: float, other: float) -> float:
    """The angle between two, in 0..180."""
    return abs((one - other + 180) % 360 - 180)


@given(TRUTHS, ANGLES, st.booleans())
def test_a_turn_keeps_the_label_if_the_data_show_it_with_that_label(
    truth: Truth, degrees: float, mirrored: bool
) -> None:
    distances = [apart(degrees, middle) for middle, other in truth.poses if other == mirrored]
    assume(all(abs(each - truth.within) > 1e-3 for each in distances))
    shown = [
        (middle, other)
        for middle, other in truth.poses
        if other == mirrored and apart(degrees, middle) <= truth.within
    ]
    right = {middle == 0 and not (other and truth.mirror == "counts") for middle, other in shown}
    assert truth.keeps(degrees, mirrored) == (right.pop() if right else None)


@given(TRUTHS, ANGLES, st.booleans())
def test_the_sense_of_a_turn_does_not_matter(truth: Truth, degrees: float, mirrored: bool) -> None:
    assert truth.keeps(-degrees, mirrored) == truth.keeps(degrees, mirrored)


@given(ANGLES)
def test_all_turns_keep_a_label_that_knows_none(degrees: float) -> None:
    assert Truth(180, 1).keeps(degrees) is True
    assert Truth(180, 1, "free").keeps(degrees, mirrored=True) is True
    assert Truth(180, 1, "counts").keeps(degrees, mirrored=True) is False
    assert Truth(180, 1).keeps(degrees, mirrored=True) is None


def test_half_turns() -> None:
    truth = Truth(45, 2)
    assert [truth.keeps(each) for each in (0, 45, -45, 50, 130, 135, 180, -150, 360)] == [
        *(True, True, True, None, None, False, False, False, True),
    ]
    assert Truth(90, 2).keeps(90) is None, "the border of two orientations"
    assert [Truth(0, 1).keeps(each) for each in (0, 5, 180)] == [True, None, None]


@pytest.mark.parametrize("mirror", MIRRORS)
def test_every_pose_has_a_part_with_a_name(mirror: MirrorImages) -> None:
    truth = Truth(10, 3, mirror)
    parts = [truth.part(*pose) for pose in truth.poses]
    assert set(parts) == set(range(truth.num_parts))
    assert parts[0] == 0
    assert len(set(truth.part_names)) == len(truth.part_names) == truth.num_parts
    if mirror == "counts":
        assert truth.part_names[3] == "mirrored and turned by 120°"
        assert truth.part(120, mirrored=True) == 3


def test_the_bayes_accuracy() -> None:
    assert Truth(45, 2).bayes_accuracy == 1
    assert Truth(45, 2, strength=0.5).bayes_accuracy == 0.75
    assert Truth(45, 2, "free", 0.5).bayes_accuracy == 0.75
    assert Truth(45, 2, "counts", 0.5).bayes_accuracy == 0.625
    assert Truth(180, 1, strength=0.5).bayes_accuracy == 1


def test_orientations_that_overlap_are_refused() -> None:
    with pytest.raises(
        Refusal, match=r"^within=91, orientations=2: orientations overlap beyond 90"
    ):
        Truth(91, 2)
