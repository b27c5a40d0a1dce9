"""Claims about rows: known numbers, and an interval computed by hand."""

import math

import pytest

from analysis.claims import difference, interval, judge
from analysis.tables import difference_table, row_table, verdict_table

# d = A - B is .02, .01, .02: mean 1/60, s = .0057735, t(2) = 4.302653, half = t·s/√3 = .0143422
ROWS = {
    "A": {0: 0.90, 1: 0.92, 2: 0.94},
    "B": {0: 0.88, 1: 0.91, 2: 0.92, 3: 0.1},
    "one": {0: 0.5},
    "SE2-0.1": {0: -0.4, 1: -0.4},
    "low": {0: -0.6, 1: -0.6},
    "lost": {0: math.nan, 1: 0.9},
    "todo": {},
    "high": {0: 0.9, 1: 0.9},
    "less": {0: 0.8, 1: 0.8},
}
LOW, MEAN, HIGH = 0.0023245, 1 / 60, 0.0310089


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("A >= B - 0.002", "supported"),
        ("A > B", "supported"),
        ("A>=B + 0.02", "undecided"),
        ("A >= B+0.05", "refuted"),
        ("A <= B", "refuted"),
        ("B < A", "supported"),
        ("A >= 0.87", "supported"),  # .92 ± .0497
        ("0.87 <= A", "supported"),
        ("A >= 0.9", "undecided"),
        ("A <= 5e-1", "refuted"),
        ("one >= A", "undecided"),  # one seed says nothing
        ("SE2-0.1 >= -0.5", "supported"),  # a name may look like a difference
        ("low >= -0.5", "refuted"),
        ("-0.5 > low", "supported"),
        ("low <= SE2-0.1 - .2", "supported"),
        ("low < SE2-0.1 - .2", "refuted"),
        ("high >= less + 0.1", "supported"),  # .9 - .8 is less than .1, by rounding
        ("high <= less + 0.1", "supported"),
        ("high > less + 0.1", "refuted"),
        ("high - 0.1 >= less", "supported"),
        ("lost >= 0.1", "undecided"),
        ("lost <= A", "undecided"),
        ("todo >= A", "not run"),
        ("todo >= 0.1", "not run"),
    ],
)
def test_a_claim_is_judged_by_the_whole_interval(claim: str, expected: str) -> None:
    assert judge(claim, ROWS).verdict == expected


def test_the_interval_is_that_of_student() -> None:
    found = difference(ROWS["A"], ROWS["B"])
    assert (found.low, found.mean, found.high) == pytest.approx((LOW, MEAN, HIGH), abs=1e-7)
    assert found.num == 3, "only seeds that both have"
    same = interval([0.5, 0.5])
    assert (same.low, same.high) == (0.5, 0.5)
    assert judge("B <= A + 0.1", ROWS).interval.mean == pytest.approx(-MEAN)
    assert judge("B <= 1", ROWS).interval.mean == pytest.approx(0.7025 - 1)


@pytest.mark.parametrize(
    ("claim", "complaint"),
    [
        ("A is best", "should be written A >= B"),
        ("A >= C", "there is no row C, only A, B"),
        ("0.1 < 0.2", "names no row"),
    ],
)
def test_a_claim_that_cannot_be_read(claim: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        judge(claim, ROWS)


def test_tables_say_what_nobody_ran() -> None:
    rows = {name: ROWS[name] for name in ("A", "one", "lost", "todo")}
    assert row_table(rows, "accuracy", published={"A": 0.95, "todo": 0.5}) == [
        ["row", "published", "accuracy", "std", "seeds"],
        ["A", "0.9500", "0.9200", "0.0200", "3"],
        ["one", "-", "0.5000", "-", "1"],
        ["lost", "-", "nan", "-", "2"],
        ["todo", "0.5000", "not run", "-", "0"],
    ]
    assert difference_table(ROWS, [("A", "B"), ("A", "todo")])[1:] == [
        ["A - B", "+0.0167", "+0.0023", "+0.0310", "3"]
    ]
    assert verdict_table([judge("todo > A", ROWS)])[1] == ["todo > A", "not run", *"---", "0"]
    assert row_table({"a": {0: 0.00012}}, "mse")[1][1] == "0.00012", "small ones keep their digits"
