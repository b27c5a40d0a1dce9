"""How many seeds decide a claim: against textbooks, and against claims that are judged."""

import numpy
import pytest

from analysis.claims import interval, judge
from analysis.power import deviation_of, main, power, seeds_needed, unpaired


@pytest.mark.parametrize(
    ("effect", "wanted", "num"),
    [  # Cohen's small, medium and large effects, as his tables and G*Power have them
        *((0.2, 0.8, 199), (0.5, 0.8, 34), (0.8, 0.8, 15), (1.0, 0.8, 10)),
        *((0.5, 0.9, 44), (0.5, 0.95, 54), (1.0, 0.95, 16)),
    ],
)
def test_the_number_is_that_of_textbooks(effect: float, wanted: float, num: int) -> None:
    assert seeds_needed(effect, 1.0, wanted) == num
    assert seeds_needed(-effect / 100, 0.01, wanted) == num, "sign and unit do not matter"
    assert power(effect, num) >= wanted > power(effect, num - 1)


@pytest.mark.parametrize(("effect", "num"), [(0.8, 15), (2.0, 3)])
def test_the_power_is_the_share_of_claims_that_are_supported(effect: float, num: int) -> None:
    draws = numpy.random.default_rng(0).normal(0.5 + effect, 1.0, (2000, num))
    verdicts = [judge("A >= 0.5", {"A": dict(enumerate(each))}).verdict for each in draws.tolist()]
    share = verdicts.count("supported") / len(verdicts)
    assert share == pytest.approx(power(effect, num), abs=0.035), "four standard errors"


def test_deviations_come_back_from_what_is_reported() -> None:
    values = [0.1, 0.25, 0.3, 0.0]
    found = interval(values)
    assert deviation_of(found.low, found.high, 4) == pytest.approx(numpy.std(values, ddof=1))
    assert unpaired(3, 4) == 5


def test_a_difference_far_beyond_the_deviation_takes_two_seeds() -> None:
    assert seeds_needed(1.0, 0.0) == seeds_needed(1.0, 1e-3) == seeds_needed(1.0, 0.011) == 2


def test_it_is_said_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--difference", "0.5", "--deviation", "1", "--seconds", "3600"]) == 0
    assert capsys.readouterr().out == "deviation 1: 34 seeds, 34.0 hours one after the other\n"
    assert main(["--difference", "1", "--interval", "-3.1", "4.9", "3"]) == 0
    assert capsys.readouterr().out == "deviation 1.61: 23 seeds\n"
    assert main(["--difference", "5", "--rows", "3", "4", "--power", "0.9"]) == 0
    assert capsys.readouterr().out == "deviation 5: 13 seeds\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--difference 0 --deviation 1", "difference=0.0: should be a number other than 0"),
        ("--difference 1 --deviation -1", "deviation=-1.0: should be a number from 0 on"),
        ("--difference 1 --deviation 1 --power 1", "wanted=1.0: should lie between 0 and 1"),
        ("--difference 1e-9 --deviation 1", "takes more than a million seeds"),
        ("--difference 1 --interval 2 1 3", "should be two ascending bounds"),
        ("--difference 1 --interval 0 1 1", "should be two ascending bounds"),
    ],
)
def test_what_decides_nothing_takes_one_line(
    words: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 1
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
