"""The figure of agreement: a curve beside the truth, of one seed or several, mirrored or not."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from analysis.agreement import draw_agreement
from datasets.truth import Truth


def test_curves_stand_beside_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: found.append(figure))
    poses = [(float(angle), mirrored) for angle in range(0, 360, 90) for mirrored in (False, True)]
    first = {pose: 0.25 if pose[1] else 1.0 for pose in poses}
    second = {pose: [0.5, 0.7] for pose in poses}
    draw_agreement({"one": first, "seeds": second}, Truth(0, 2, "counts"), Path("figure.png"))
    draw_agreement({"one": first}, Truth(0, 2), Path("figure.png"))
    assert [len(figure.axes) for figure in found] == [2, 2, 1, 1], "each one as PNG and as SVG"
    turned, mirrored = found[0].axes
    assert [panel.get_title() for panel in (turned, mirrored)] == ["turned", "mirrored and turned"]
    for panel, one in ((turned, 100), (mirrored, 25)):
        for line, height in zip(panel.lines, (one, 60), strict=True):
            assert line.get_xdata() == pytest.approx([-180, -90, 0, 90, 180])
            assert line.get_ydata() == pytest.approx([height] * 5)
    labels = {text.get_text() for text in found[0].legends[0].get_texts()}
    assert labels == {"should keep the answer", "should change it", "one", "seeds"}
    assert "should keep the answer" not in mirrored.get_legend_handles_labels()[1]
