"""Several processes on one machine do the same work, stop together and fail together."""

import signal
import time
from pathlib import Path

import pytest
import torch
from torch import distributed

from partial_equiv.refusal import Refusal
from run_folder import read_result
from tests.terminal import Terminal
from tests.test_main import TINY
from together import start, team


def without_seconds(result: dict[str, float]) -> dict[str, float]:
    """What does not depend on the clock."""
    return {name: value for name, value in result.items() if not name.startswith("seconds/")}


def fall(folder: Path) -> None:
    """Meet in a group, which the second process leaves while the first one waits for it."""
    others = team()
    assert others is not None
    with others.group("cpu"):
        if others.rank == 1:
            (folder / "fell").write_text(str(time.time()))
            raise Refusal("no luck", seed=3)
        distributed.all_reduce(torch.ones(1))


def test_two_processes_leave_what_one_would(terminal: Terminal, tmp_path: Path) -> None:
    """By main.py, which they leave as it was; the first one's words and files are all there are."""
    before = torch.get_num_threads(), signal.getsignal(signal.SIGTERM)
    alone = terminal(*TINY, f"hydra.run.dir={tmp_path}/one")
    both = terminal(*TINY, "train.devices=2", f"hydra.run.dir={tmp_path}/two")
    assert both.status == 0, both.err
    assert before == (torch.get_num_threads(), signal.getsignal(signal.SIGTERM))
    assert team() is None
    one, two = (read_result(tmp_path / name) for name in ("one", "two"))
    assert without_seconds(two) == pytest.approx(without_seconds(one), rel=1e-3, abs=1e-6)
    names = [sorted(path.name for path in (tmp_path / each).rglob("*")) for each in ("one", "two")]
    assert names[0] == names[1]
    assert both.out.count("epoch 1/1") == alone.out.count("epoch 1/1") == 1


def test_what_ends_one_ends_all_with_its_message(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"^seed=3: no luck$"):
        start(2, fall, tmp_path)
    assert time.time() - float((tmp_path / "fell").read_text()) < 30
