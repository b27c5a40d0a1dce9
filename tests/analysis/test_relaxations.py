"""The figure of relaxations: own numbers, the relative defect, and the errors by angle."""

from math import isnan
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from analysis.relaxations import draw_relaxations


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are drawn, of which none is written."""
    found: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: found.append(figure))
    return found


def record(epoch: int) -> dict[str, float]:
    """Of a net of two layers, as `Fit` records it."""
    parts = ("rot90", "rot180", "rot270")
    return {
        "epoch": epoch,
        "gamma/a": 0.1 * epoch,
        **{f"range/b.c.{part}": 0.2 * place for place, part in enumerate(parts)},
        "defect": 0.3,
        "defect/a": 0.4,
        "defect/b.c": 0.1 * epoch,
        **{f"errors/{part}": 0.5 for part in parts},
    }


def test_a_panel_for_each_kind_of_numbers(drawn: list[Figure], tmp_path: Path) -> None:
    draw_relaxations([record(0), record(1)], ["a", "b.c"], ["gamma", "range"], tmp_path / "x.png")
    gamma, keeps, defect, errors = drawn[0].axes
    lines = [
        {line.get_label(): pytest.approx(list(line.get_ydata())) for line in axes.get_lines()}
        for axes in (gamma, keeps, defect, errors)
    ]
    assert lines == [
        {"a": [0.0, 0.1]},
        {"b.c": [0.2, 0.2]},  # the mean over three parts
        {"a": [0.4, 0.4], "b.c": [0.0, 0.1], "the whole net": [0.3, 0.3]},
        {f"turn by {angle}°": [0.5, 0.5] for angle in (90, 180, 270)},
    ]
    assert defect.get_ylabel().startswith("relative defect")


def test_what_an_earlier_epoch_has_not_recorded_is_a_gap(
    drawn: list[Figure], tmp_path: Path
) -> None:
    history = [{"epoch": 0, "gamma/a": 0.0}, {"epoch": 1, "gamma/a": 1.0, "defect/a": 1.0}]
    draw_relaxations(history, ["a"], ["gamma"], tmp_path / "x.png")
    _, defect = drawn[0].axes
    first, last = defect.get_lines()[0].get_ydata()
    assert isnan(first)
    assert last == 1
