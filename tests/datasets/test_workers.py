"""Worker processes that read: the same batches, in order, few ahead; refusals; an end to them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import active_children
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import datasets.workers
from datasets.files import UnreadableFiles
from datasets.image_folder import ImageFolder
from datasets.spec import Splits
from datasets.workers import mapped
from partial_equiv.refusal import Refusal

SEEDED = {"seed": 5, "epoch": 2, "rank": 1, "num_ranks": 2}


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> Splits:
    """Pictures of noise in their files, augmented."""
    root = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(0)
    for part, num in (("train", 21), ("val", 3), ("test", 3)):
        for name in ("a", "b"):
            (root / part / name).mkdir(parents=True)
            for number in range(num):
                pixels = noise.integers(0, 256, (9, 9, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / part / name / f"{number}.png")
    return ImageFolder(str(root), size=8, memory=0.0, augment_rotation=20.0).splits()


def readers() -> list[BaseProcess]:
    """The worker processes that are there, without those of joblib, which another test may keep."""
    return [each for each in active_children() if "Loky" not in each.name]


@pytest.fixture(autouse=True)
def nobody_is_left() -> Iterator[None]:
    yield
    assert readers() == []


def test_workers_change_nothing(splits: Splits) -> None:
    before = torch.get_rng_state()
    expected = list(splits.train.batches(8, **SEEDED))
    assert len(expected) == 6
    for workers, start in ((1, 0), (2, 3)):
        found = list(splits.train.batches(8, **SEEDED, start=start, workers=workers))
        assert len(found) == 6 - start
        for left, right in zip(found, expected[start:], strict=True):
            assert all(torch.equal(a, b) for a, b in zip(left, right, strict=True))
    assert torch.equal(before, torch.get_rng_state()), "a resumed run would differ"


class Noting:
    """Leaves a note of each item that is asked for; even ones come late."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, item: int) -> int:
        """Return the item."""
        (self.folder / str(item)).touch()
        time.sleep(0.02 * (1 - item % 2))
        return item


def test_items_come_in_order_and_not_too_early(tmp_path: Path) -> None:
    results = mapped(Noting(tmp_path), range(30), 2)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    results.close()
    assert readers() == [], "a consumer that stops early leaves nobody behind"
    done = sorted(int(path.name) for path in tmp_path.iterdir())
    assert done[:5] == [0, 1, 2, 3, 4]
    assert done[-1] < 5 + 2 * 2


def test_a_broken_picture_takes_one_line(splits: Splits) -> None:
    source = splits.train.source
    path = source.root / source.names[11]
    content = path.read_bytes()
    path.write_bytes(content[:40])
    try:
        batches = splits.train.batches(4, workers=1)
        next(batches), next(batches)
        with pytest.raises(
            UnreadableFiles, match=r"^cannot read train/a/\d+.png \(.*\); looked in"
        ):
            next(batches)
    finally:
        path.write_bytes(content)


def test_signals_are_not_for_workers_and_a_dead_one_takes_one_line(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in a terminal, and a cluster whose time is up, tell every process."""
    monkeypatch.setattr("torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL", 0.2)
    masks = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    batches = splits.train.batches(1, workers=1)
    next(batches)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == masks
    (worker,) = readers()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        os.kill(worker.pid, number)
    assert all(len(next(batches)[1]) for _ in range(9))
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(Refusal, match=r"^workers=1: a process that reads has died"):
        list(batches)


KILLED = """
import os, signal
from multiprocessing import active_children
from datasets.workers import mapped

if __name__ == "__main__":
    results = mapped(str, range(9), 1)
    next(results)
    print(active_children()[0].pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_end_with_a_process_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    here = {**os.environ, "PYTHONPATH": str(Path(datasets.workers.__file__).parents[1])}
    words = [sys.executable, script]
    done = subprocess.run(words, env=here, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL
    status = Path("/proc", done.stdout.strip(), "status")
    limit = time.monotonic() + 20
    with suppress(OSError):  # it is gone
        while "State:\tZ" not in status.read_text():
            assert time.monotonic() < limit, "an orphan"
            time.sleep(0.05)
