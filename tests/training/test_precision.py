"""train.precision=auto: what it chooses, what it goes on with, who chooses, what is refused."""

import logging
from itertools import count
from pathlib import Path

import pytest
import torch
from torch.distributed import HashStore

import checkpoint
import trainer
from config_schema import ConfigError
from constructors import compose
from constructors.build import Build
from tasks import Classification
from tests.together.test_team import member
from tests.training.small import make_splits, make_trainer, plain_net
from training import precision


@pytest.mark.parametrize(
    ("float32", "bfloat16", "expected"),
    [
        ([4.0, 4.0], [1.0, 1.0], ("bf16-mixed", 0.25)),
        ([4.0, 9.0], [9.0, 2.0], ("bf16-mixed", 0.5)),  # others waited for another process
        ([4.0, 4.0], [3.6, 3.6], ("32-true", 0.9)),  # a step is not only convolutions
        ([1.0, 1.0], [4.0, 5.0], ("32-true", 4.0)),
    ],
)
def test_bfloat16_is_chosen_where_it_clearly_pays(
    float32: list[float],
    bfloat16: list[float],
    expected: tuple[str, float],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    assert precision.decide(float32, bfloat16) == expected
    monkeypatch.setattr(precision, "timed", lambda *asked: (float32, bfloat16))
    assert precision.chosen(plain_net(), "cpu") == expected[0]
    (said,) = caplog.messages
    assert said.startswith(f"precision: {expected[0]}, bfloat16 takes {expected[1]:.2f} of float32")


@pytest.mark.parametrize("separable", [False, True])
def test_a_slow_machine_is_asked_little_and_no_draw_is_spent(separable: bool) -> None:
    seconds, before = count(), torch.get_rng_state()
    float32, bfloat16 = precision.timed("cpu", separable, clock=lambda: float(next(seconds)))
    assert (float32, bfloat16) == ([1.0] * 2, [1.0] * 2)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_training_goes_on_in_the_precision_that_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(**settings: object) -> str:
        trained = make_trainer(tmp_path, precision="auto", **settings)
        return trained.fit(plain_net(), make_splits(), Classification()).precision

    monkeypatch.setattr(trainer, "chosen", lambda *asked: "bf16-mixed")
    assert fit(epochs=1) == "bf16-mixed"
    monkeypatch.setattr(trainer, "chosen", lambda *asked: "32-true")  # another machine
    assert fit(epochs=2, resume=tmp_path) == "bf16-mixed"
    last = tmp_path / "checkpoints" / "last.pt"
    content = checkpoint.load(last)
    del content["settings"]["precision"]  # as older versions wrote it
    checkpoint.save(last, content)
    assert fit(epochs=3, resume=tmp_path) == "32-true"


def test_one_process_chooses_for_all() -> None:
    store = HashStore()
    for number in range(2):
        first, other = (member(rank, store) for rank in range(2))
        first._num_decisions = other._num_decisions = number
        assert first.decided("precision", lambda value=number: value) == number
        assert other.decided("precision", lambda: 1 / 0) == number


def test_a_wrong_precision_is_told_the_right_ones() -> None:
    told = r"^train.precision=bf16: should be '32-true', 'bf16-mixed' or 'auto'$"
    with pytest.raises(ConfigError, match=told):
        Build(compose(["train.precision=bf16"]))
