"""A net of 14 parameters learns what the stride rule lets it see, and nothing else."""

import json
from math import log
from pathlib import Path

import pytest

from tests.terminal import Terminal

WORDS = ("routine=unequivariance", "tracking=none")


def test_it_learns_where_the_stride_rule_is_broken_and_there_alone(
    terminal: Terminal, tmp_path: Path
) -> None:
    answer = terminal(*WORDS, f"hydra.run.dir={tmp_path / 'run'}")
    assert answer.status == 0, answer.err
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["size_32/accuracy"] == 1
    assert result["size_32/loss"] < 0.1
    assert result["size_33/accuracy"] == 0.5
    assert result["size_33/loss"] == pytest.approx(log(2), abs=0.01)
    assert result["size_33/loss"] >= log(2) - 1e-6, "two equal answers cannot do better"
    assert result["size_33/score_difference"] < 1e-5
    for name in ("losses", "filters"):
        assert (tmp_path / "run" / "figures" / f"{name}.png").stat().st_size > 10_000


def test_a_filter_of_any_number_of_elements_is_drawn(terminal: Terminal, tmp_path: Path) -> None:
    """Mirrors among them, and another subset of them at each size."""
    words = "debug=True", "base_group=dihedral", "conv.partial=True", "routine.sizes=[8,9]"
    answer = terminal(*WORDS, *words, f"hydra.run.dir={tmp_path / 'run'}")
    assert answer.status == 0, answer.err
    assert (tmp_path / "run" / "figures" / "filters.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("dataset=digits",), "dataset: has more than one image"),
        (("net=vae_mlp",), "the net is an autoencoder"),
        (("routine.sizes=[0]",), "routine.sizes[0]=0"),
        (("routine.sizes=[]",), "routine.sizes=[]: name one at least, each once"),
        (("routine.sizes=[8,8]",), "routine.sizes=[8, 8]: name one at least, each once"),
    ],
    ids=lambda words: words[0] if isinstance(words, tuple) else "",
)
def test_what_it_cannot_use_is_refused_in_a_line(
    words: tuple[str, ...], reason: str, terminal: Terminal, tmp_path: Path
) -> None:
    answer = terminal(*WORDS, "debug=True", *words, f"hydra.run.dir={tmp_path / 'run'}")
    assert answer.status != 0
    said = answer.out + answer.err
    assert reason in said
    assert "Traceback" not in said
