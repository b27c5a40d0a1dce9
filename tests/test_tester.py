"""Evaluation: sample-weighted, deterministic, without side effects."""

import pytest
import torch
from torch import nn

from tasks import Classification
from tester import evaluate
from tests.training.small import make_net, make_splits


def test_means_weigh_samples_not_batches() -> None:
    right, wrong = torch.tensor([[9.0, 0.0]]), torch.tensor([[0.0, 9.0]])
    zero = torch.zeros(3, dtype=torch.long)
    batches = [(right.repeat(3, 1), zero), (wrong, zero[:1])]
    values = evaluate(nn.Identity(), batches, Classification())
    assert values["accuracy"] == pytest.approx(0.75)
    assert values["loss"] == pytest.approx(9 / 4, rel=1e-3)


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_is_repeatable_and_leaves_no_trace(training: bool) -> None:
    net, val = make_net().train(training), make_splits().val
    before = {name: value.clone() for name, value in net.state_dict().items()}
    generator = torch.get_rng_state()
    first = evaluate(net, val.batches(4), Classification())
    again = evaluate(net, val.batches(11), Classification())
    assert first["accuracy"] == pytest.approx(again["accuracy"])
    assert first["loss"] == pytest.approx(again["loss"], rel=1e-5)
    assert net.training == training
    assert torch.equal(generator, torch.get_rng_state())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_no_samples_is_an_error() -> None:
    with pytest.raises(ValueError, match="no samples"):
        evaluate(nn.Identity(), [], Classification())
