"""What a step costs: the seconds of real steps, and memory that grows with the batch."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from constructors import Build, compose
from measures.cost import Cost
from measures.measure import Subject
from partial_equiv.refusal import Refusal
from tests.measures.conftest import TINY


def test_steps_are_those_of_the_run_and_leave_the_net_alone(
    subject: Callable[..., Subject], tmp_path: Path
) -> None:
    """A second pass over the images, which a penalty asks for, takes its time."""
    found = {}
    for name, words in {
        "plain": [],
        "penalised": ["penalty=[equivariance_error]"],
        "of 8": ["train.batch_size=8"],
    }.items():
        config = [*words, "train.epochs=0", "net.hidden_channels=4"]
        build = Build(compose([*TINY, *config]))
        looked_at = replace(
            subject(*config),
            trainer=build.trainer(tmp_path, None),
            batch_size=build.trainer(tmp_path, None).batch_size,
        )
        before = {key: value.clone() for key, value in looked_at.model.state_dict().items()}
        found[name] = Cost(num_steps=5).measure(looked_at).values
        after = looked_at.model.state_dict()
        assert all(torch.equal(before[key], after[key]) for key in before)
        assert not any(each.requires_grad for each in looked_at.model.parameters())
    seconds = {name: float(each["step_seconds"]) for name, each in found.items()}
    assert 0 < seconds["plain"] < seconds["penalised"]
    gib = {name: float(each["step_gib"]) for name, each in found.items()}
    assert gib["of 8"] == pytest.approx(gib["plain"] / 8, rel=0.2)
    assert found["plain"]["parameters"] == sum(
        each.numel() for each in subject("net.hidden_channels=4").model.parameters()
    )


def test_a_net_that_learns_nothing_is_refused(subject: Callable[..., Subject]) -> None:
    looked_at = subject()
    with pytest.raises(Refusal, match="needs a net that learns"):
        Cost().check(torch.nn.Identity(), looked_at.spec, looked_at.task)
