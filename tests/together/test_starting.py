"""Several processes on one machine do the same work, stop together and fail together."""

import signal
import time
from pathlib import Path

import pytest
import torch
from torch import distributed

from partial_equiv.refusal import Refusal
from together import start, team


def gather(factor: float) -> tuple[float, int, int]:
    """The sum over the processes, exchanged as in a training; and who is here."""
    others = team()
    assert others is not None
    with others.first_here_first("data"):
        pass
    with others.group("cpu"):
        value = torch.tensor(factor * (others.rank + 1))
        distributed.all_reduce(value)
    return float(value), others.size, others.here


def fall(folder: Path) -> None:
    """Meet in a group, which the second process leaves while the first one waits for it."""
    others = team()
    assert others is not None
    with others.group("cpu"):
        if others.rank == 1:
            (folder / "fell").write_text(str(time.time()))
            raise Refusal("no luck", seed=3)
        distributed.all_reduce(torch.ones(1))


def test_they_are_a_team_and_the_first_ones_result_comes_back() -> None:
    before = torch.get_num_threads(), signal.getsignal(signal.SIGTERM)
    assert start(2, gather, 2.0) == (6.0, 2, 2)
    assert before == (torch.get_num_threads(), signal.getsignal(signal.SIGTERM))
    assert team() is None


def test_what_ends_one_ends_all_with_its_message(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"^seed=3: no luck$"):
        start(2, fall, tmp_path)
    assert time.time() - float((tmp_path / "fell").read_text()) < 30
