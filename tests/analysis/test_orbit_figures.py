"""What the figures over orbits show: numbers, images and directions that are known."""

from pathlib import Path

import pytest
import torch
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from torch import Tensor

from analysis.flows import draw_streamlines
from analysis.latents import draw_latents, draw_rows, sheet
from analysis.orbit_curves import draw_over_angles, draw_turning_errors
from datasets.spec import DataSpec

HERE = Path("figure.png")


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved."""
    found: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: found.append(figure))
    return found


def told(figure: Figure) -> list[str]:
    """What a figure's legend, which stands outside of its panels, names."""
    (legend,) = figure.legends
    assert not any(panel.get_legend() for panel in figure.axes)
    return [text.get_text() for text in legend.get_texts()]


def test_shares_stand_over_the_angles(figures: list[Figure]) -> None:
    draw_over_angles({"one": [1.0, 0.5, 0.75, 1.0]}, {"one": [1.0, 0.25, 1.0, 1.0]}, HERE)
    accuracy, same = figures[0].axes
    (line,) = accuracy.lines
    assert line.get_xydata().tolist() == [[0, 100], [90, 50], [180, 75], [270, 100]]
    assert same.lines[0].get_ydata().tolist() == [100, 25, 100, 100]
    assert accuracy.get_ylim()[0] == 0, "a single image is no dip"
    assert told(figures[0]) == ["one"]


def test_images_of_one_source_stand_below_each_other(figures: list[Figure]) -> None:
    """Brightness says which is which: source, row, view."""
    num, views, size = 2, 4, 3
    first = torch.arange(num * views).view(num, views, 1, 1, 1) / 20
    images = first.expand(-1, -1, 1, size, size)
    spec = DataSpec(1, 2, (size, size), (0.1,), (2.0,))
    draw_rows({"a": (images - 0.1) / 2, "b": (images + 0.4) / 2}, spec, "title", HERE)
    (panel,) = figures[0].axes
    shown = torch.tensor(panel.images[0].get_array().data)[2 :: size + 1, 2 :: size + 1]
    source = images[:, :, 0, 0, 0]
    torch.testing.assert_close(
        shown, torch.stack([source, source + 0.5], 1).flatten(0, 1).to(shown), atol=1e-6, rtol=0
    )
    labels = [text.get_text() for text in panel.get_xticklabels()]
    assert labels == ["0°", "90°", "180°", "270°"]
    assert [text.get_text() for text in panel.get_yticklabels()] == ["a", "b", "a", "b"]


def test_a_sheet_keeps_its_pictures_apart() -> None:
    whole = sheet(torch.zeros(2, 3, 4, 5))
    assert whole.shape == (2 * 5, 3 * 6)
    assert whole.sum() == 2 * 5 * 3 * 6 - 6 * 4 * 5, "white lines, black pictures"


def test_streamlines_lie_over_the_level_sets(figures: list[Figure]) -> None:
    """Two classes: the dashed line is where their logits are equal."""

    def around(latents: Tensor) -> Tensor:
        return latents.flip(-1) * torch.tensor([-1.0, 1.0])

    def radius(latents: Tensor) -> Tensor:
        excess = latents.norm(dim=1) - 1
        return torch.stack([-excess, excess], dim=1)

    orbits = torch.randn(6, 12, 2, generator=torch.Generator().manual_seed(0))
    draw_streamlines(around, radius, orbits, torch.arange(6) % 2, ("in", "out"), HERE)
    panel, bar = figures[0].axes
    assert bar.get_ylabel() == "logit of “out” less that of “in”"
    assert "both classes equally likely" in told(figures[0])
    (line,) = [each for each in panel.collections if list(getattr(each, "levels", [])) == [0.0]]
    points = torch.cat([torch.tensor(path.vertices) for path in line.get_paths()])
    torch.testing.assert_close(
        points.norm(dim=1), torch.ones(len(points), dtype=points.dtype), atol=0.02, rtol=0
    )
    (lines,) = [each for each in panel.collections if isinstance(each, LineCollection)]
    parts = torch.stack([torch.tensor(each[[0, -1]]) for each in lines.get_segments()])
    radii = parts.norm(dim=-1)  # [S, 2]
    assert len(parts) > 50
    assert (radii[:, 1] - radii[:, 0]).abs().max() < 0.02, "they run around the centre"


@pytest.mark.parametrize(("worst", "scale"), [(0.9, "linear"), (80.0, "log")])
def test_errors_that_run_away_leave_the_others_to_be_seen(
    figures: list[Figure], worst: float, scale: str
) -> None:
    draw_turning_errors({"one": [0.2, 0.3, 0.4], "other": [0.3, 0.5, worst]}, 4, HERE)
    (panel,) = figures[0].axes
    assert panel.get_yscale() == scale
    assert panel.lines[1].get_xydata().tolist() == [[90, 0.3], [180, 0.5], [270, worst]]
    assert told(figures[0]) == ["one", "other", "answering the mean"]


def test_dots_have_the_colours_of_their_classes_in_the_legend(figures: list[Figure]) -> None:
    orbits, classes = torch.arange(24.0).view(3, 4, 2), torch.tensor([1, 0, 1])
    draw_latents(orbits, classes, ("a", "b"), HERE)
    left, right, _ = figures[0].axes
    (legend,) = figures[0].legends
    colours = [handle.get_facecolor()[0].tolist() for handle in legend.legend_handles]
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]
    dots = [each for each in left.collections if len(each.get_offsets()) > 0]
    for label, each in enumerate(dots):
        assert each.get_offsets().tolist() == orbits[classes == label].flatten(0, 1).tolist()
        assert each.get_facecolor().tolist() == [colours[label]]
    angles = right.collections[0].get_array().tolist()
    assert angles == [0, 90, 180, 270] * 3
    cycle = right.collections[0].get_cmap()
    assert cycle(0.0) == pytest.approx(cycle(1.0), abs=0.03), "a full turn is no turn"
    assert all(min(cycle(i / 36)[:3]) < 0.75 for i in range(36)), "nowhere white on white"
