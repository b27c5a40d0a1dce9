"""Ranks: several processes train as one would, and go on where others stopped."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, multiprocessing, nn

import checkpoint
from datasets.mirrored import mirrored
from datasets.spec import Split, Splits
from partial_equiv.ck import Siren
from partial_equiv.gconv import GroupConv, GroupPool, LiftingConv, Norm
from partial_equiv.groups import O2, SO2
from partial_equiv.penalties import EquivarianceError
from partial_equiv.relaxations import InputSubset
from partial_equiv.sampling import Sampling
from tasks import Classification
from tests.training.small import SPEC, make_net, make_splits, make_trainer, normed_net
from together.team import team
from training import Interrupted

SIZES = (2, 4)  # numbers of ranks
PRELOAD = [__name__, "lightning_fabric.strategies.ddp", "torchmetrics.classification"]


class Precise:
    """A split in double precision, without augmentation."""

    def __init__(self, split: Split) -> None:
        self.split = split
        self.num_batches = split.num_batches

    def __len__(self) -> int:
        return len(self.split)

    def batches(self, batch_size: int, **settings: Any) -> Iterator[tuple[Tensor, Tensor]]:  # noqa: ANN401
        """Yield the batches of the split."""
        for images, targets in self.split.batches(batch_size, **settings):
            yield images.double(), targets


def grouped_net(over: str, **options: object) -> nn.Module:
    """A net with random samples and learned subsets, whose elements count with weights."""
    torch.manual_seed(0)
    options = {
        "kernel": partial(Siren, hidden_channels=4),
        "sampling": partial(Sampling, group=O2(), num_samples=4, sampling="random"),
        "partial": True,
    } | options
    return nn.Sequential(
        LiftingConv(1, 4, **options),
        Norm(4, over),
        GroupConv(4, 4, **options),
        Norm(4, over),
        GroupPool("max"),
        nn.Flatten(),
        nn.Linear(144, 2),
    )


@dataclass(frozen=True)
class Case:
    """A training: by default of batches of 10, 10, 10, 10 and 3 samples, and validated on 11."""

    net: Callable[[], nn.Module] = normed_net
    train: int = 43
    val: int = 11
    mirror: float = 0.0
    metrics: tuple[str, ...] = ()
    settings: dict[str, object] = field(default_factory=dict)

    def fit(self, folder: Path, ranks: int, **further: object) -> list[dict[str, float]]:
        """Its history, on so many ranks, of which this process is one."""
        splits = make_splits(self.train, self.val)
        splits.train.augment = further.pop("augment", None)
        splits = mirrored(splits, self.mirror)
        splits = Splits(SPEC, *map(Precise, (splits.train, splits.val, splits.test)))
        settings = {"batch_size": 10, "epochs": 2, "devices": ranks} | self.settings | further
        task = Classification(metrics=self.metrics)
        return make_trainer(folder, **settings).fit(self.net().double(), splits, task).history


EVERYTHING = {
    "accumulate": 2,
    "optimizer": "sgd",
    "penalties": {"monotone": 0.1},
    "gradient_clip": 1.0,
    "further_penalties": (EquivarianceError(alpha=0.7, beta=0.1),),
}
BY_IMAGE = {
    "relaxation": InputSubset,
    "sampling": partial(Sampling, group=SO2(), num_samples=4),
}
CASES = {
    "batch": Case(partial(grouped_net, "batch")),
    "instance": Case(partial(grouped_net, "instance")),
    "layer": Case(partial(grouped_net, "layer")),
    "terms": Case(metrics=("auc", "calibration", "per_class"), settings=EVERYTHING),
    "terms of images": Case(partial(grouped_net, "batch", **BY_IMAGE), mirror=0.5),
    "few": Case(train=3, val=3, metrics=("auc",)),
    "limited": Case(val=31, settings={"max_batches": 3, "schedule": "plateau"}),
}
RESUMED = Case(partial(grouped_net, "batch"))
EXACT = Case(make_net)  # each rank has draws of its own, too
STOPS = {1: 8, 2: 5, 4: 8}  # in the middle of an epoch of five batches, or after its last one


class SignalAt:
    """Sends rank 0 a signal in one of the batches."""

    def __init__(self, call: int) -> None:
        self.call, self.calls = call, 0

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change nothing."""
        self.calls += 1
        if self.calls == self.call and os.environ.get("RANK", "0") == "0":
            signal.raise_signal(signal.SIGTERM)
        return images


def stop(case: Case, folder: Path, ranks: int, call: int) -> None:
    """Train as far as that batch."""
    with pytest.raises(Interrupted):
        case.fit(folder, ranks, augment=SignalAt(call + (ranks > 1)))  # several rehearse


def jobs(folder: Path, ranks: int) -> Iterator[Callable[[], object]]:
    """All that is trained on so many ranks; what fewer began goes on."""
    for name, case in CASES.items():
        yield partial(case.fit, folder / f"{name} {ranks}", ranks)
    if ranks == 4:
        yield partial(EXACT.fit, folder / "exact whole", 4)
        yield partial(stop, EXACT, folder / "exact", 4, 3)
        yield partial(EXACT.fit, folder / "exact", 4, resume=folder / "exact")
    yield partial(stop, RESUMED, folder / f"stopped {ranks}", ranks, STOPS[ranks])
    for before in (size for size in STOPS if size < ranks):
        old, new = folder / f"stopped {before}", folder / f"{before} to {ranks}"
        yield partial(RESUMED.fit, new, ranks, resume=old)


def be_rank(rank: int, folder: Path, ports: dict[int, int]) -> None:
    """Do the jobs of all groups that this process belongs to, as torchrun would start it."""
    torch.set_num_threads(1)
    teams = []  # whose stores stay open as long as this process
    for ranks in (size for size in SIZES if rank < size):
        os.environ |= {
            "TORCHELASTIC_RUN_ID": "test",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(ports[ranks]),
            "WORLD_SIZE": str(ranks),
            "LOCAL_WORLD_SIZE": str(ranks),
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
        }
        team.cache_clear()
        teams.append(team())
        for job in jobs(folder, ranks):
            job()


def free_port() -> int:
    """A port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two and four processes leave that are started once."""
    folder = tmp_path_factory.mktemp("ranks")
    stop(RESUMED, folder / "stopped 1", 1, STOPS[1])
    ports = {ranks: free_port() for ranks in SIZES}
    method = "forkserver"  # which imports once what all of them need
    multiprocessing.get_context(method).set_forkserver_preload(PRELOAD)
    multiprocessing.start_processes(
        be_rank, (folder, ports), nprocs=max(SIZES), start_method=method
    )
    return folder


def last(folder: Path) -> dict[str, Any]:
    """The last checkpoint of a run."""
    return checkpoint.load(folder / "checkpoints" / "last.pt")


def assert_close(one: Path, other: Path, tolerance: float = 1e-7) -> None:
    """Compare the records of two runs, and their nets."""
    histories = (last(folder)["state"]["history"] for folder in (one, other))
    for record, expected in zip(*histories, strict=True):
        assert record.keys() == expected.keys()
        for name in record.keys() - {"seconds/epoch"}:
            wanted = pytest.approx(expected[name], rel=tolerance, abs=tolerance, nan_ok=True)
            assert record[name] == wanted, name
    models = (last(folder)["model"] for folder in (one, other))
    torch.testing.assert_close(*models, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", CASES)
def test_ranks_train_as_one_process(trained: Path, tmp_path: Path, name: str) -> None:
    """With the same losses after every epoch, figures and weights, running statistics included:
    for batches of ten that four do not share evenly, and that end with three samples."""
    history = CASES[name].fit(tmp_path, 1)
    assert len(history) == 2
    assert history[0]["train/loss"] != history[1]["train/loss"]
    for ranks in SIZES:
        assert_close(trained / f"{name} {ranks}", tmp_path)
        lines = (trained / f"{name} {ranks}" / "metrics.jsonl").read_text().splitlines()
        assert len(lines) == 2  # rank 0 alone writes


def test_as_many_ranks_go_on_bit_for_bit(trained: Path) -> None:
    assert_close(trained / "exact", trained / "exact whole", tolerance=0)
    generators = (last(trained / name)["ranks"] for name in ("exact", "exact whole"))
    for one, other in zip(*generators, strict=True):
        assert torch.equal(one["generators"]["cpu"], other["generators"]["cpu"])


def test_other_numbers_of_ranks_go_on(trained: Path, tmp_path: Path) -> None:
    RESUMED.fit(tmp_path / "whole", 1)
    for before in SIZES:
        old = trained / f"stopped {before}"
        content = last(old)
        assert len(content["ranks"]) == before
        assert content["state"]["epoch"] * 5 + content["state"]["batch"] == STOPS[before]
        RESUMED.fit(tmp_path / f"{before} to 1", 1, resume=old)
        assert_close(tmp_path / f"{before} to 1", tmp_path / "whole")
    for before, after in ((1, 2), (1, 4), (2, 4)):
        assert_close(trained / f"{before} to {after}", tmp_path / "whole")


def test_a_batch_smaller_than_the_ranks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="batch_size=1: is less than devices=2"):
        make_trainer(tmp_path, batch_size=1, devices=2)
