"""Resume: a run that was stopped anywhere and goes on equals one that was not, bit for bit."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import checkpoint
from partial_equiv.penalties import EquivarianceError
from tasks import Classification
from tests.training.small import (
    make_net,
    make_splits,
    make_trainer,
    noisy,
    normed_net,
    plain_net,
)
from training import FitResult, Interrupted

ROOT = Path(__file__).parents[2]

SETTINGS = {
    "adam": {"optimizer": "adam", "warmup_epochs": 1, "epochs": 3, "learning_rate": 1e-3},
    "sgd": {
        "optimizer": "sgd",
        "gradient_clip": 1.0,
        "nesterov": True,
        "schedule": "plateau",
        "step_epochs": 1,
        "early_stop_epochs": 2,
        "accumulate": 2,
        "epochs": 4,
        "learning_rate": 0.05,
        "further_penalties": (EquivarianceError(beta=0.1),),
    },
    "dual": {"net": normed_net, "epochs": 3},  # with a multiplier, which no gradient changes
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Bits are compared between processes: the whole runs too are made on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class SignalAt:
    """An augmentation that sends this process a signal at one of its calls."""

    def __init__(self, call: int) -> None:
        self.call, self.calls = call, 0

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Add noise."""
        self.calls += 1
        if self.calls == self.call:
            signal.raise_signal(signal.SIGTERM)
        return noisy(images, generator)


def fit(
    folder: Path, stop_at: int = 0, net: Callable[[], nn.Module] = make_net, **settings: object
) -> FitResult:
    """A training that is signalled in the batch number `stop_at`."""
    splits = make_splits()
    splits.train.augment = SignalAt(stop_at)
    return make_trainer(folder, **settings).fit(net(), splits, Classification())


def timeless(history: list[dict[str, float]]) -> list[dict[str, float]]:
    """Records without what time they took."""
    return [{k: v for k, v in record.items() if k != "seconds/epoch"} for record in history]


def metrics(folder: Path) -> list[dict[str, float]]:
    """The records of metrics.jsonl."""
    return timeless(
        [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    )


def assert_same(one: object, other: object, where: str = "") -> None:
    """Compare nested plain values and tensors exactly, all but times."""
    assert type(one) is type(other), where
    if isinstance(one, Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for name in one.keys() - {"seconds", "seconds/epoch"}:
            assert_same(one[name], other[name], f"{where}/{name}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}/{index}")
    else:
        assert one == other or one != one, where


def assert_same_runs(one: Path, other: Path) -> None:
    """Compare all that two runs left."""
    assert metrics(one) == metrics(other)
    for name in ("last.pt", "best.pt"):
        assert_same(*(checkpoint.load(run / "checkpoints" / name) for run in (one, other)), name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, FitResult]]:
    """The uninterrupted runs."""
    folders = {name: tmp_path_factory.mktemp(name) for name in SETTINGS}
    return {name: (folder, fit(folder, **SETTINGS[name])) for name, folder in folders.items()}


@pytest.mark.parametrize("stop_at", [1, 5, 6, 8, 15])  # an epoch has 5 batches
@pytest.mark.parametrize("name", SETTINGS)
def test_an_interrupted_run_goes_on_exactly(
    tmp_path: Path, whole: dict[str, tuple[Path, FitResult]], name: str, stop_at: int
) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Interrupted, match=r"stopped .* go on with train.resume="):
        fit(tmp_path, stop_at, **SETTINGS[name])
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    state = checkpoint.load(tmp_path / "checkpoints" / "last.pt")["state"]
    group_ends = {6: 7, 8: 9, 1: 2} if name == "sgd" else {}  # steps of 2, 2 and 1 batches
    assert state["epoch"] * 5 + state["batch"] == group_ends.get(stop_at, stop_at)
    torch.rand(7)  # as in another process
    result = fit(tmp_path, resume=tmp_path, **SETTINGS[name])
    folder, expected = whole[name]
    assert timeless(result.history) == timeless(expected.history)
    assert (result.best_epoch, result.best_value) == (expected.best_epoch, expected.best_value)
    assert_same_runs(folder, tmp_path)


def test_a_run_goes_on_in_another_folder(
    tmp_path: Path, whole: dict[str, tuple[Path, FitResult]]
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    with pytest.raises(Interrupted):
        fit(old, 8, **SETTINGS["adam"])
    before = {path: path.read_bytes() for path in old.rglob("*.*") if path.is_file()}
    fit(new, resume=old, **SETTINGS["adam"])
    assert_same_runs(whole["adam"][0], new)
    assert before == {path: path.read_bytes() for path in before}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_process_loses_nothing(tmp_path: Path, number: signal.Signals) -> None:
    settings = {"epochs": 30}
    words = [f"{name}={value}" for name, value in settings.items()]
    command = [sys.executable, "-m", "tests.training.small", str(tmp_path), *words]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    records = tmp_path / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not (records.exists() and len(records.read_text().splitlines()) > 3):
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode
    assert ("Interrupted: stopped" in errors) == (number == signal.SIGTERM)
    done = checkpoint.load(tmp_path / "checkpoints" / "last.pt")["state"]["epoch"]
    assert 3 <= done < 30  # it was in the middle
    fit(tmp_path, resume=tmp_path, **settings)
    fit(tmp_path / "whole", **settings)
    assert_same_runs(tmp_path / "whole", tmp_path)


def test_a_kill_between_the_two_files_loses_nothing(
    tmp_path: Path, whole: dict[str, tuple[Path, FitResult]]
) -> None:
    shutil.copytree(whole["adam"][0], tmp_path, dirs_exist_ok=True)
    assert whole["adam"][1].best_epoch == 3
    (tmp_path / "checkpoints" / "best.pt").unlink()  # as if killed before it was written
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 4, "step": 20}\n{"epo')
    result = fit(tmp_path, resume=tmp_path, **SETTINGS["adam"])
    assert result.epochs_run == 3
    assert_same_runs(whole["adam"][0], tmp_path)


def test_a_checkpoint_of_an_older_version_goes_on(
    tmp_path: Path, whole: dict[str, tuple[Path, FitResult]]
) -> None:
    """It knows of no common draws, and of its number of devices."""
    with pytest.raises(Interrupted):
        fit(tmp_path, 8, **SETTINGS["adam"])
    path = tmp_path / "checkpoints" / "last.pt"
    content = checkpoint.load(path)
    del content["draws"]
    checkpoint.save(path, content | {"settings": content["settings"] | {"devices": 1}})
    fit(tmp_path, resume=tmp_path, **SETTINGS["adam"])
    assert_same_runs(whole["adam"][0], tmp_path)


def test_a_finished_run_can_be_prolonged(tmp_path: Path) -> None:
    settings = {"schedule": "none", "epochs": 1}
    fit(tmp_path, **settings)
    result = fit(tmp_path, resume=tmp_path, **settings | {"epochs": 2, "weight_decay": 0.1})
    assert [record["epoch"] for record in metrics(tmp_path)] == [1, 2]
    assert result.epochs_run == 2
    last = checkpoint.load(tmp_path / "checkpoints" / "last.pt")
    assert last["optimizer"]["param_groups"][0]["weight_decay"] == 0.1


def test_a_fresh_run_drops_records_of_a_torn_one(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1, "step": 5}\n')
    fit(tmp_path, epochs=1)
    assert [len(record) > 2 for record in metrics(tmp_path)] == [True]


def test_what_cannot_be_resumed_is_one_line(
    tmp_path: Path, whole: dict[str, tuple[Path, FitResult]]
) -> None:
    folder, _ = whole["adam"]

    def complaint(source: Path, net: torch.nn.Module | None = None, **settings: object) -> str:
        trainer = make_trainer(tmp_path / "new", resume=source, **SETTINGS["adam"] | settings)
        with pytest.raises(ValueError, match=r"^(?!.*\n)") as caught:
            trainer.fit(net or make_net(), make_splits(), Classification())
        return str(caught.value)

    assert "no checkpoint" in complaint(tmp_path / "nowhere")
    assert "seed=3: checkpoint" in complaint(folder, seed=3)
    assert "batch_size=4: checkpoint" in complaint(folder, batch_size=4)
    assert "of another net" in complaint(folder, plain_net())
    best_only = tmp_path / "foreign"
    (best_only / "checkpoints").mkdir(parents=True)
    shutil.copy(folder / "checkpoints" / "best.pt", best_only / "checkpoints" / "last.pt")
    assert "is incomplete" in complaint(best_only)
