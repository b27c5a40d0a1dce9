"""Ranks: two processes train as one would, and fail as one would."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

from partial_equiv.penalties import EquivarianceError
from tasks import Classification
from tests.training.small import make_splits, make_trainer, normed_net
from training.ranks import other_ranks

ROOT = Path(__file__).parents[2]


def test_two_processes_make_the_steps_of_one(tmp_path: Path) -> None:
    """With the statistics of the joint batch, in the steps and in the average for evaluation, and
    with the figures of the whole split, whose 11 samples are not shared out evenly."""
    metrics = ("auc", "calibration", "per_class")
    settings = {"epochs": 2, "accumulate": 2, "optimizer": "sgd", "penalties": {"monotone": 0.1}}
    words = [f"{name}={value}" for name, value in settings.items()]
    command = [sys.executable, "-m", "tests.training.small", str(tmp_path / "two"), "net=normed"]
    command += [f"metrics=[{','.join(metrics)}]", "beta=0.1"]
    done = subprocess.run(
        [*command, "devices=2", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")  # no banner, no warning
    net, splits = normed_net(), make_splits()
    splits.train.augment = None
    task = Classification(metrics=metrics)
    further = {"further_penalties": (EquivarianceError(beta=0.1),)}
    history = make_trainer(tmp_path, **settings, **further).fit(net, splits, task).history
    weights = torch.load(tmp_path / "two" / "weights.pt", weights_only=True)
    for name, value in net.state_dict().items():
        assert torch.allclose(value, weights[name], rtol=1e-5, atol=1e-5), name
    before = normed_net().state_dict()
    assert not torch.allclose(weights["7.weight"], before["7.weight"], atol=1e-3)
    lines = (tmp_path / "two" / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == len(history) == 2  # rank 0 alone writes
    assert {"val/auc", "val/calibration", "val/per_class/1"} <= history[0].keys()
    for line, record in zip(map(json.loads, lines), history, strict=True):
        del line["seconds/epoch"], record["seconds/epoch"]
        assert line == pytest.approx(record, abs=1e-5)


def fail(message: str) -> None:
    """What a rank may do."""
    raise ValueError(message)


def test_another_ranks_failure_is_told_and_all_is_as_before() -> None:
    before, threads = dict(os.environ), torch.get_num_threads()

    def wait_for_it() -> None:
        with other_ranks(2, partial(fail, "no luck")):
            assert os.environ["LOCAL_RANK"] == "0"
            raise RuntimeError("connection lost")

    with pytest.raises(ValueError, match=r"no luck \(rank 1\)"):
        wait_for_it()
    assert (dict(os.environ), torch.get_num_threads()) == (before, threads)


def test_what_cannot_travel_is_refused() -> None:
    with (
        pytest.raises(ValueError, match="devices=2: needs picklable parts"),
        other_ranks(2, lambda: None),
    ):
        pass
