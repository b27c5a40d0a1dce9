"""How many samples a net saves: on learning curves that are known."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.savings import draw_convergence, draw_learning_curves, saving, written_saving

SIZES = (250, 1000, 4000)


@given(st.floats(0.2, 2), st.floats(0.01, 100), st.floats(1.1, 3.9), st.floats(0.5, 2))
def test_the_saving_of_a_shifted_power_law_is_its_shift(
    power: float, scale: float, factor: float, spread: float
) -> None:
    """A net that needs 1/factor of the samples everywhere, whatever the law and the noise."""

    def curve(gain: float) -> dict[float, list[float]]:
        errors = {n: scale * (gain * n) ** -power for n in SIZES}
        return {n: [each * (1 - spread / 4), each * (1 + spread / 4)] for n, each in errors.items()}

    found = saving(curve(factor), curve(1))
    assert found[250] == pytest.approx(factor, rel=1e-3)
    assert found[1000] == pytest.approx(factor, rel=1e-3)
    assert found[4000] == 1, "the reference was measured no further: a lower bound"
    assert saving(curve(1 / factor), curve(1))[250] == 1, "an upper bound"


def test_a_net_that_nobody_reaches_has_a_lower_bound() -> None:
    assert saving({250: [0.1]}, {250: [1.0], 4000: [0.5]}) == {250: 16}


def test_bounds_are_written_as_bounds() -> None:
    reference = {250: [1.0], 1000: [0.5], 4000: [0.25]}
    curve = {250: [0.1], 1000: [0.25], 4000: [2.0]}
    assert written_saving(curve, reference) == {250: "> 16", 1000: "4", 4000: "< 0.0625"}


def test_figures_are_drawn(tmp_path: Path) -> None:
    curve = {250: [1.0, 1.2], 1000: [0.3]}
    draw_learning_curves({"none": {"cnn": curve}, "all": {"cnn": curve}}, tmp_path / "learning.png")
    runs = {"none": {"cnn": [([1, 2, 3], [1.0, 0.5, 0.2]), ([1, 2], [1.0, 0.4])], "d4": []}}
    draw_convergence(runs, tmp_path / "deep" / "convergence.png")
    assert all(path.stat().st_size > 5000 for path in tmp_path.rglob("*.png"))
