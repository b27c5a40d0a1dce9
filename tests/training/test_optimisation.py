"""Optimisation: roles, optimisers, schedules."""

import math

import pytest
import torch
from torch import nn

from partial_equiv.ck import Siren
from tests.training.small import make_net
from training.optimisation import Schedule, make_optimizer, parameter_groups

RATES = {"range": 1e-2, "keep_logits": 0.1, "omega0": 1e-4}


def test_every_parameter_has_the_group_of_its_role() -> None:
    net = make_net()
    net.head = Siren(2, 1, 1)
    net.head.omega0 = nn.Parameter(torch.tensor(10.0))
    groups = {group["role"]: group for group in parameter_groups(net, 1e-3, RATES, 0.5)}
    assert {role: group["lr"] for role, group in groups.items()} == {"weight": 1e-3, **RATES}
    assert {role: len(group["params"]) for role, group in groups.items()} == {
        "weight": sum(1 for _ in net.parameters()) - 5,
        "range": 2,
        "keep_logits": 2,
        "omega0": 1,
    }
    assert [group["weight_decay"] for group in groups.values()] == [0.5, 0, 0, 0]


def test_frozen_parameters_and_empty_roles_are_left_out() -> None:
    net = nn.Linear(2, 2)
    net.bias.requires_grad_(False)
    (group,) = parameter_groups(net, 1e-3, RATES, 0.0)
    assert group["params"] == [net.weight]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)
def test_optimisers(name: str, kind: type) -> None:
    groups = parameter_groups(nn.Linear(1, 1), 1e-3, RATES, 0.1)
    optimizer = make_optimizer(name, groups, momentum=0.9, nesterov=True)
    assert type(optimizer) is kind
    assert optimizer.param_groups[0].get("momentum", 0.9) == 0.9
    assert optimizer.param_groups[0]["weight_decay"] == 0.1


def schedule(kind: str, **options: object) -> Schedule:
    optimizer = torch.optim.SGD([{"params": [nn.Parameter(torch.zeros(1))], "lr": 1.0}])
    return Schedule(optimizer, kind, steps_per_epoch=10, epochs=10, **options)


def test_cosine_after_warm_up() -> None:
    rate = schedule("cosine", warmup_epochs=2, final=0.1).rate
    assert [rate(1.0, step) for step in (0, 9, 19, 20)] == pytest.approx([0.05, 0.5, 1.0, 1.0])
    assert rate(1.0, 60) == pytest.approx(0.55)
    assert rate(1.0, 99) == pytest.approx(0.1 + 0.45 * (1 + math.cos(math.pi * 79 / 80)))
    assert rate(0.0, 60) == 0  # a rate of 0 stays 0


def test_one_cycle_is_that_of_torch() -> None:
    ours = schedule("one_cycle", warmup_epochs=3, final=1 / 25e4)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9), 1.0, total_steps=100
    )
    expected = []
    for _ in range(100):
        expected += theirs.get_last_lr()
        theirs.optimizer.step()
        if len(expected) < 100:
            theirs.step()
    assert [ours.rate(1.0, step) for step in range(100)] == pytest.approx(expected, abs=1e-12)
    assert ours.rate(0.0, 50) == 0


def test_one_cycle_without_a_rise_falls_from_the_start() -> None:
    rate = schedule("one_cycle", final=0.5).rate
    assert [rate(1.0, step) for step in (0, 99)] == pytest.approx([1.0, 0.5], abs=1e-3)


def test_step() -> None:
    rate = schedule("step", step_epochs=3, factor=0.1).rate
    assert [rate(1.0, step) for step in (0, 29, 30, 60)] == pytest.approx([1, 1, 0.1, 0.01])


def test_plateau_waits_and_is_restored() -> None:
    first = schedule("plateau", step_epochs=2, factor=0.5)
    for improved in (True, False, True, False, False, False):
        first.end_epoch(improved=improved)
    again = schedule("plateau", step_epochs=2, factor=0.5)
    again.load_state_dict(first.state_dict())
    assert first.rate(1.0, 60) == again.rate(1.0, 60) == 0.5
    again.end_epoch(improved=False)
    assert again.rate(1.0, 70) == 0.25


def test_apply_sets_every_group() -> None:
    net = make_net()
    optimizer = make_optimizer("adam", parameter_groups(net, 1e-3, RATES, 0.0))
    Schedule(optimizer, "none", steps_per_epoch=10, epochs=2, warmup_epochs=1).apply(4)
    rates = {group["role"]: group["lr"] for group in optimizer.param_groups}
    bases = {"weight": 1e-3, **RATES}
    assert rates == pytest.approx({role: bases[role] / 2 for role in rates})
