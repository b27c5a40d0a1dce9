"""The trainer: what it learns, selects, reports, refuses and obeys."""

import logging
import math
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import checkpoint
from partial_equiv.penalties import EquivarianceError, monotone
from partial_equiv.relaxations import relaxations_of
from tasks import Classification
from tester import evaluate
from tests.training.small import make_net, make_splits, make_trainer, plain_net
from training import FitResult


def fit(folder: Path, net: nn.Module | None = None, **settings: object) -> FitResult:
    """A training on the small data."""
    net = make_net() if net is None else net
    return make_trainer(folder, **settings).fit(net, make_splits(), Classification())


def test_it_learns_reports_and_returns_the_best(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    net, splits = make_net(), make_splits()
    result = make_trainer(tmp_path, epochs=6).fit(net, splits, Classification())
    assert result.epochs_run == len(result.history) == 6
    assert [record["step"] for record in result.history] == [5, 10, 15, 20, 25, 30]
    best = max(result.history, key=lambda record: (record["val/accuracy"], -record["val/loss"]))
    assert (result.best_epoch, result.best_value) == (best["epoch"], best["val/accuracy"])
    assert result.best_value > 0.9
    values = evaluate(net, splits.val.batches(8), Classification())
    assert values["loss"] == pytest.approx(best["val/loss"])
    assert {"train/loss", "train/accuracy", "lr", "seconds/epoch", "range/0", "range/3.mirror"} <= {
        *best
    }
    lines = [record.message for record in caplog.records if record.name == "training.progress"]
    assert len(lines) == 6
    assert lines[-1].startswith("epoch 6/6 · train loss")


def test_ranges_stay_in_bounds_and_temperature_falls(tmp_path: Path) -> None:
    net = make_net()
    result = fit(tmp_path, net, rates={"range": 0.5}, epochs=2)
    for _, learned in relaxations_of(net):
        assert 0 <= learned.range.item() <= 1
        assert learned.temperature.item() == pytest.approx(0.5 - 0.4 * 9 / 10)
    last = result.history[-1]
    assert (last["range/0"], last["range/3"]) != (1, 1)


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    nets = [make_net() for _ in range(3)]
    for index, seed in enumerate((1, 1, 2)):
        torch.rand(index)  # the caller's generator does not matter
        fit(tmp_path / str(index), nets[index], seed=seed, epochs=1)
    first, again, other = (net[-1].weight for net in nets)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_accumulation_is_one_large_batch(tmp_path: Path) -> None:
    whole, parts = plain_net(), plain_net()
    options = {"optimizer": "sgd", "epochs": 1}
    one = make_trainer(tmp_path / "a", batch_size=16, **options)
    four = make_trainer(tmp_path / "b", batch_size=4, accumulate=4, **options)
    splits = make_splits(32)
    splits.train.augment = None  # drawn batch by batch
    assert one.fit(whole, splits, Classification()).history[-1]["step"] == 2
    assert four.fit(parts, splits, Classification()).history[-1]["step"] == 2
    assert torch.allclose(whole[1].weight, parts[1].weight, atol=1e-6)


def test_penalties_and_clipping_reach_the_gradient(tmp_path: Path) -> None:
    def growth(**options: object) -> float:
        net = make_net()
        with torch.no_grad():
            net[0].relaxation.range.fill_(0.3)
        fit(tmp_path / str(options), net, epochs=1, **options)
        return monotone(net).item()

    assert growth(penalties={"monotone": 10.0}) < growth() - 0.02
    free, clipped, small = plain_net(), plain_net(), make_net()
    before = free[1].weight.clone()
    fit(tmp_path / "c", free, optimizer="sgd", epochs=1)
    fit(tmp_path / "d", clipped, optimizer="sgd", epochs=1, gradient_clip=1e-6)
    assert (clipped[1].weight - before).norm() < 1e-6 < (free[1].weight - before).norm()
    large = make_net()
    fit(tmp_path / "e", large, epochs=1)
    fit(tmp_path / "f", small, epochs=1, penalties={"kernel_l2": 10.0})
    assert small[0].kernel_norm() < large[0].kernel_norm()


def test_early_stop_keeps_the_best(tmp_path: Path) -> None:
    still = {"learning_rate": 1e-30, "final_learning_rate": 1e-30}  # the first epoch stays the best
    result = fit(tmp_path, plain_net(), epochs=9, early_stop_epochs=2, **still)
    assert (result.best_epoch, result.epochs_run) == (1, 3)


def test_few_batches_are_few(tmp_path: Path) -> None:
    result = fit(tmp_path, batch_size=2, epochs=2, max_batches=3)
    assert result.epochs_run == 2
    assert result.history[-1]["step"] == 6


def test_mixed_precision_runs_on_weights_in_full(tmp_path: Path) -> None:
    net = make_net()
    result = fit(tmp_path, net, precision="bf16-mixed", epochs=1)
    assert {parameter.dtype for parameter in net.parameters()} == {torch.float32}
    assert math.isfinite(result.history[0]["val/loss"])


class Spoiled(Classification):
    """The loss becomes NaN from a call on."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first, self.calls = first, 0

    def step(self, model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return a spoiled loss, and count."""
        loss, metrics = super().step(model, batch)
        self.calls += 1
        return loss * (math.nan if self.calls > self.first else 1), metrics


@pytest.mark.parametrize(
    ("first", "where"),
    [(9, "epoch 2, step 8"), (5, "epoch 1, step 5")],  # 5 steps and 2 validation batches an epoch
    ids=["training", "validation"],
)
def test_a_loss_that_is_not_finite_ends_the_training(
    tmp_path: Path, first: int, where: str
) -> None:
    trainer = make_trainer(tmp_path)
    with pytest.raises(ValueError, match=f"loss is nan in {where};.*learning_rate"):
        trainer.fit(make_net(), make_splits(), Spoiled(first))
    last = tmp_path / "checkpoints" / "last.pt"
    assert last.exists() == (first == 9)
    if last.exists():
        assert checkpoint.load(last)["state"]["epoch"] == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 1, "devices": 2}, "batch_size=1: is less than devices=2"),
        ({"nesterov": True, "momentum": 0.0}, "nesterov=True: needs momentum"),
    ],
)
def test_settings_that_do_not_go_together(
    tmp_path: Path, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_trainer(tmp_path, **settings)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_missing_device_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="device=cuda: devices=1 asked for, 0 here"):
        fit(tmp_path, device="cuda")


def test_no_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no samples"):
        make_trainer(tmp_path).fit(plain_net(), make_splits(train=0), Classification())


def test_a_compiled_training_is_the_same_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every transformation of torch.compile but the last, which writes the machine code."""
    compiled = partial(torch.compile, backend="aot_eager")
    monkeypatch.setattr(torch, "compile", compiled)
    losses = [
        fit(
            tmp_path / str(compiles),
            compile=compiles,
            epochs=1,
            further_penalties=(EquivarianceError(beta=0.1),),
        ).history[0]["train/loss"]
        for compiles in (False, True)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
