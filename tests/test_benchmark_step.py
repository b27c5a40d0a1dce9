"""What got slower than in an earlier result is told, and what noise explains is not."""

import json
from pathlib import Path

import pytest

from benchmarks.step import read, slower


def result(**changed: object) -> dict[str, object]:
    """A result of one workload."""
    known = {"precision": "32-true", "batch_size": 16, "ratio_memory": 1.1}
    for name in ("train", "forward", "eval"):
        known |= {f"ratio_{name}": 1.2, f"interval_{name}": [1.15, 1.25]}
    return known | changed


def test_only_intervals_that_lie_apart_count() -> None:
    assert slower(result(), result()) == []
    noisy = result(ratio_train=1.24, interval_train=[1.2, 1.3])
    assert slower(noisy, result()) == []
    assert slower(result(), result(ratio_eval=2.0, interval_eval=[1.9, 2.1])) == [], "faster"
    worse = result(ratio_train=1.3, interval_train=[1.26, 1.4], ratio_memory=1.3)
    assert slower(worse, result()) == [
        "training step 1.300 times the floor, 1.200 before",
        "memory 1.300 times the floor's, 1.100 before",
    ]


def test_what_was_measured_otherwise_is_no_comparison(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="batch_size was 8 then, and is 16 now"):
        slower(result(), result(batch_size=8))
    with pytest.raises(SystemExit, match=r"--against .*: holds no earlier result"):
        read(tmp_path)
    (tmp_path / "step.json").write_text(json.dumps({"a": result()}))
    assert read(tmp_path) == read(tmp_path / "step.json") == {"a": result()}
