"""The figure of learned ranges: one panel for each kind of part, one line for each layer."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

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
