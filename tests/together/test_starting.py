"""Several processes on one machine do the same work, stop together and fail together."""

import os
import signal
import time
from pathlib import Path

import pytest
import torch
from torch import distributed

from interruption import Interrupted
from partial_equiv.refusal import Refusal
from together import AnotherFailed, start, team


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


def fall(folder: Path, how: str) -> None:
    """Wait for each other in a group, which the second process leaves in some way."""
    others = team()
    assert others is not None
    with others.group("cpu"):
        if others.rank == 1:
            (folder / "fell").write_text(str(time.time()))
            if how == "refused":
                raise Refusal("no luck", seed=3)
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if how == "stopped":
                raise Interrupted("", signal.SIGUSR1)
        distributed.all_reduce(torch.ones(1))


def test_they_are_a_team_and_the_first_ones_result_comes_back() -> None:
    before = dict(os.environ), torch.get_num_threads(), signal.getsignal(signal.SIGTERM)
    assert start(2, gather, 2.0) == (6.0, 2, 2)
    assert before[1:] == (torch.get_num_threads(), signal.getsignal(signal.SIGTERM))
    assert team() is None
    assert {key for key in os.environ if "RANK" in key} == {
        key for key in before[0] if "RANK" in key
    }


@pytest.mark.parametrize(
    ("how", "kind", "said"),
    [
        ("refused", Refusal, "^seed=3: no luck$"),
        ("killed", AnotherFailed, r"^one of the processes was ended by SIGKILL [^\n]*$"),
        ("stopped", Interrupted, "^$"),
    ],
)
def test_what_ends_one_ends_all_with_its_message(
    tmp_path: Path, how: str, kind: type[BaseException], said: str
) -> None:
    with pytest.raises(kind, match=said):
        start(2, fall, tmp_path, how)
    assert time.time() - float((tmp_path / "fell").read_text()) < 25
