"""A net of 14 parameters learns what the stride rule lets it see, and nothing else."""

import json
from math import log
from pathlib import Path

import pytest

from tests.terminal import Terminal

WORDS = ("study=exact/unequivariance", "study.seeds=[0]", "tracking=none")


def test_it_learns_where_the_stride_rule_is_broken_and_there_alone(
    terminal: Terminal, tmp_path: Path
) -> None:
    answer = terminal(*WORDS)
    assert answer.status == 0, answer.err
    folder = tmp_path / "studies" / "exact" / "unequivariance"
    result = json.loads((folder / "report.json").read_text())
    assert result["size_32/accuracy"] == 1
    assert result["size_32/loss"] < 0.1
    assert result["size_33/accuracy"] == 0.5
    assert result["size_33/loss"] == pytest.approx(log(2), abs=0.01)
    assert result["size_33/loss"] >= log(2) - 1e-6, "two equal answers cannot do better"
    assert result["size_33/score_difference"] < 1e-5
    for name in ("losses", "filters"):
        assert (folder / "figures" / f"{name}.png").stat().st_size > 10_000


def test_a_filter_of_any_number_of_elements_is_drawn(terminal: Terminal, tmp_path: Path) -> None:
    """Mirrors among them, and another subset of them at each size."""
    answer = terminal(*WORDS, "debug=True", "base_group=dihedral", "conv.partial=True")
    assert answer.status == 0, answer.err
    (picture,) = tmp_path.rglob("filters.png")
    assert picture.stat().st_size > 10_000


def test_other_data_are_refused_in_a_line(terminal: Terminal) -> None:
    further = ("dataset=digits", "dataset.size=9", "study.rows=[size_33]")
    answer = terminal(*WORDS, "debug=True", *further)
    said = answer.out + answer.err
    assert "unequivariance.py has failed: dataset: has more than one image; try dataset=" in said
    assert "| size_33 | - | " in said, "the rows are told all the same"
    assert "Traceback" not in said
