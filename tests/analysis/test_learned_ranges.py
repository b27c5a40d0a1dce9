"""The figure of learned ranges: one panel for each kind of part, one line for each layer."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from analysis.averaging_weights import draw_averaging_weights
from analysis.learned_ranges import draw_learned_ranges


def test_every_layer_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure,
        "savefig",
        lambda self, *given, **more: drawn.append(self) or save(self, *given, **more),
    )
    history = [
        {
            "epoch": epoch,
            "range/a": 1 - 0.1 * epoch,
            "range/a.b": 1.0,
            "range/a.mirror": 0.5,
        }
        for epoch in range(4)
    ]
    draw_learned_ranges(history, ["a", "a.b"], tmp_path / "figures" / "ranges.png")
    assert (tmp_path / "figures" / "ranges.png").read_bytes().startswith(b"\x89PNG")
    ranges, keeps = drawn[0].axes[:2]
    lines = {line.get_label(): list(line.get_ydata()) for line in ranges.get_lines()}
    assert lines == {"a": pytest.approx([1.0, 0.9, 0.8, 0.7]), "a.b": [1.0] * 4}
    assert [list(line.get_ydata()) for line in keeps.get_lines()] == [[0.5] * 4]


def test_many_parts_are_a_matrix_with_the_last_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    parts = ("rot90", "rot180", "mirror", "rot90_mirror")
    history = [
        {"epoch": epoch, **{f"range/{layer}.{part}": 1 - 0.2 * epoch for part in parts}}
        for epoch in range(3)
        for layer in ["a"]
    ]
    draw_learned_ranges(history, ["a"], tmp_path / "ranges.png")
    (panel,) = drawn[0].axes
    heads = [label.get_text() for label in panel.get_xticklabels()]
    assert heads[0] == "keep\nturn by 90°"
    assert heads[3] == "keep\nmirror,\nturn by 90°"
    assert [text.get_text() for text in panel.texts] == ["0.60"] * 4


def test_other_numbers_are_drawn_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    history = [{"epoch": 0, "gamma/a": 0.0, "range/a": 1.0}, {"epoch": 1, "gamma/a": 3.0}]
    draw_learned_ranges(history, ["a", "b"], tmp_path / "gamma.png", prefixes=["gamma/"])
    (panel,) = drawn[0].axes
    assert panel.get_ylabel() == "γ, times the free weights"
    assert [list(line.get_ydata()) for line in panel.get_lines()] == [[0.0, 3.0]]


def test_averaging_weights_are_bars_over_the_elements_beside_equal_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    shares = {"identity": 0.1, "rot90": 0.2, "mirror": 0.3, "rot90_mirror": 0.4}
    record = {"epoch": 3, "entropy/a": 0.9}
    record |= {f"averaging/{layer}.{name}": x for layer in "ac" for name, x in shares.items()}
    draw_averaging_weights(record, ["a", "b", "c"], tmp_path / "averaging.png")
    panels = drawn[0].axes
    assert [panel.get_ylabel() for panel in panels] == ["a", "c"]
    for panel in panels:
        assert [bar.get_height() for bar in panel.patches] == list(shares.values())
        assert panel.get_lines()[0].get_ydata()[0] == 0.25
    names = [label.get_text() for label in panels[-1].get_xticklabels()]
    assert names == ["identity", "turn by 90°", "mirror", "mirror, turn by 90°"]
