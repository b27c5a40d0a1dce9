"""A small seeded part of the campaign (`benchmarks.campaign`): nothing is lost, and all is told."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "count", "seed"),
    [("kills", 1, 0), ("words", 2, 0), ("files", 1, 3), ("resources", 1, 3)],
)
def test_nothing_ends_badly(part: str, count: int, seed: int) -> None:
    """In a process of its own: what it tries forks, and must not have used torch before."""
    words = [part, f"--count={count}", f"--seed={seed}"]
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.campaign", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = ended.stdout.splitlines()[-1]
    assert told.startswith(f"{part}: ")
    assert told.endswith(" tried, 0 lost, 0 different, 0 tracebacks, 0 hangs")
