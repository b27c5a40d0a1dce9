"""Figures of broken equivariance: the layer that breaks is named, chance is drawn."""

from math import nan
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from analysis.broken_equivariance import (
    draw_accuracies_over_angles,
    draw_errors_over_layers,
    draw_errors_over_sizes,
)
from analysis.parity import draw_accuracies, draw_correlations

HERE = Path("figure.png")


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved."""
    found: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: found.append(figure))
    return found


@pytest.mark.parametrize("number", [5, 64, 65, 200])
def test_the_layer_that_breaks_has_its_name(figures: list[Figure], number: int) -> None:
    names = [f"layer{i}" for i in range(number)]
    for broken in (0, 3, number - 2):
        errors = {name: 1e-7 if i < broken else 0.1 for i, name in enumerate(names)}
        draw_errors_over_layers({"net": [(0, {}), (1, errors)]}, 1e-4, HERE)
        (panel,) = figures[-1].axes
        assert panel.get_title() == f"net\nfirst break: layer{broken}"
        labels = {
            text.get_text(): place
            for place, text in zip(panel.get_yticks(), panel.get_yticklabels(), strict=True)
        }
        assert labels[f"layer{broken}"] == broken
        assert len(labels) == number or number > 64
        (marked,) = [text for text in panel.get_yticklabels() if text.get_fontweight() == "bold"]
        assert marked.get_text() == f"layer{broken}"


def test_an_exact_or_dead_net_breaks_nowhere(figures: list[Figure]) -> None:
    nets = {"a": [(0, {"x": 0.0})], "b": [(0, {"x": nan})], "c": [(0, {})]}
    draw_errors_over_layers(nets, 1e-4, HERE)
    titles = [panel.get_title() for panel in figures[0].axes]
    assert titles == ["a\nexact", "b\nnot measured", "c\nnot measured"]
    draw_errors_over_sizes({"a": {32: 0.1, 33: 0.0}}, 1e-4, HERE)
    assert figures[-1].axes[0].get_ylim()[0] > 0


def test_chance_is_a_circle(figures: list[Figure]) -> None:
    draw_accuracies_over_angles({"a": {0: [0.9, 0.8], 90: [0.5, 0.7]}}, HERE, chance=0.1)
    (panel,) = figures[0].axes
    curve, chance = panel.lines
    assert curve.get_ydata() == pytest.approx([85, 60, 85])
    assert set(chance.get_ydata()) == {10}
    assert len(panel.collections) == 1, "the band of the seeds"


def test_accuracies_have_error_bars_and_plain_names(figures: list[Figure]) -> None:
    draw_accuracies({0.5: {"baseline": (0.9, [0.3, 0.5])}}, HERE, num_images=10, chance=0.1)
    (panel,) = figures[0].axes
    assert panel.get_legend() is None, "the legend covers no data"
    (legend,) = figures[0].legends
    assert [text.get_text() for text in legend.get_texts()] == ["no symmetry", "chance"]
    ends = [each.lines[2][0].get_segments()[0][:, 1].tolist() for each in panel.containers]
    assert ends == [
        pytest.approx([59.58, 98.21], abs=0.01),
        pytest.approx([40 - 14.142, 40 + 14.142], abs=0.01),
    ]
    draw_correlations({0.0: {"parity": [("conv", 0.5, 1.0), ("pool", 0.2, 1.0)]}}, HERE)
    upper, lower = figures[-1].axes
    assert [list(panel.lines[0].get_xdata()) for panel in (upper, lower)] == [[0.5, 0.2], [1, 1]]
