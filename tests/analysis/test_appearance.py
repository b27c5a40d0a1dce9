"""The style sheet: every figure as PNG and SVG, the same colour for the same thing."""

import math
from pathlib import Path

import pytest
from matplotlib import rcParams
from matplotlib.colors import to_rgb

from analysis.appearance import class_colours, drawing, legend, styles
from analysis.names import plain
from analysis.spread import share_bar
from analysis.study import draw_study
from tests.imports import source_files

ROOT = Path(__file__).parents[2]


def test_a_figure_is_saved_as_png_and_the_same_svg_each_time(tmp_path: Path) -> None:
    size = rcParams["font.size"]
    for folder in ("a", "b"):
        with drawing(tmp_path / folder / "turn_0.5.png", "title", height=1.5) as figure:
            panel = figure.subplots()
            panel.plot([1, 2], label="one")
            panel.plot([2, 1], label="chance")
            panel.plot([1, 1], label="other")
            legend(figure)
    (tmp_path / "a").rename(tmp_path / "c")
    first, second = tmp_path / "c", tmp_path / "b"
    assert {path.name for path in first.iterdir()} == {"turn_0.5.png", "turn_0.5.svg"}
    assert (first / "turn_0.5.png").read_bytes().startswith(b"\x89PNG")
    assert (first / "turn_0.5.svg").read_text() == (second / "turn_0.5.svg").read_text()
    assert rcParams["font.size"] == size, "the style is that of our figures alone"
    (told,) = figure.legends
    assert [text.get_text() for text in told.get_texts()] == ["one", "other", "chance"]


def test_only_the_style_sheet_makes_and_saves_figures() -> None:
    for path in source_files(ROOT):
        if "analysis" in path.parts and "tests" not in path.parts:
            text = path.read_text()
            own = path.name == "appearance.py"
            assert own or not ("savefig" in text or "Figure(" in text or 'fontsize="' in text), path


def test_a_thing_has_one_style_and_two_things_have_two() -> None:
    alone, together = styles(["partial"]), styles(["d4", "baseline", "SE2-partial", "x", "y"])
    assert alone["partial"] == together["SE2-partial"]
    assert len(set(together.values())) == 5
    many = styles(f"net {i}" for i in range(30))
    assert len(set(many.values())) == 30
    twice = styles(["SE2 full", "E2 full"])
    assert twice["SE2 full"] != twice["E2 full"]


def test_ten_classes_have_ten_colours_that_are_seen_on_white() -> None:
    colours = class_colours(10)
    assert len(set(colours)) == 10
    assert all(min(to_rgb(colour)) < 0.5 for colour in colours)
    assert class_colours(12)[10:] == colours[:2]


@pytest.mark.parametrize(
    ("name", "said"),
    [("baseline", "no symmetry"), ("rot180", "turn by 180°"), ("SE2-full", "SE2-full")],
)
def test_code_names_are_said_in_plain_english(name: str, said: str) -> None:
    assert plain(name) == said


def test_bars_are_known_intervals() -> None:
    """Wilson's interval of 9 of 10, and the standard deviation of .5 and .7."""
    mean, below, above = share_bar(0.9, 10)
    assert (mean - below, mean + above) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    assert share_bar([0.5, 0.7]).above == pytest.approx(math.sqrt(0.02))
    assert share_bar(1.0, 50).above == 0
    assert share_bar(0.3) == (0.3, 0, 0)


def test_a_study_is_drawn_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    saved: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: saved.append(figure))
    rows = {"a": {0: 0.1, 1: 0.2, 2: 0.3}, "b": {}, "c": {0: math.nan}, "d": {0: 0.2}}
    draw_study(rows, "accuracy", tmp_path / "a.png", published={"a": 0.9, "b": 0.8}, chance=0.05)
    (panel,) = saved[0].axes
    labels = [label.get_text() for label in panel.get_yticklabels()]
    assert labels == ["a", "b (not run)", "c (1 of 1 without a finite value)", "d"]
    (bars,) = [each for each in panel.containers if each.has_xerr]
    ends = [segment[:, 0].tolist() for segment in bars.lines[2][0].get_segments()]
    assert ends == [pytest.approx([-0.04841, 0.44841], abs=1e-4)]  # .2 ± 4.3027 · .1/√3
    hollow = [line for line in panel.lines if line.get_marker() == "D"]
    assert [line.get_markerfacecolor() for line in hollow] == ["none", "none"]
    assert [line.get_xydata().tolist() for line in hollow] == [[[0.9, 0]], [[0.8, 1]]]
    draw_study({"a": {}}, "accuracy", tmp_path / "empty.png")
