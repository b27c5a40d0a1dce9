"""Optimisation: parameter groups by role, the optimiser, and the learning rate of every step."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer

__all__ = ["Schedule", "make_optimizer", "parameter_groups"]


def parameter_groups(
    model: nn.Module, learning_rate: float, rates: Mapping[str, float], weight_decay: float
) -> list[dict[str, Any]]:
    """Return one optimiser group a role that occurs: its "role", "params", "lr", "weight_decay".

    A parameter's role is its name, if its module names it among its `rates`, else "weight". Only
    weights decay: a range pulled towards 0 would be an opinion about the data.

    Args:
        model: whose parameters are trained.
        learning_rate: of the weights.
        rates: of the other roles.
        weight_decay: of the weights.
    """
    members: dict[str, list[nn.Parameter]] = {"weight": []}
    for name, parameter in model.named_parameters():
        owner, _, last = name.rpartition(".")
        if parameter.requires_grad:
            own = last in getattr(model.get_submodule(owner), "rates", {})
            members.setdefault(last if own else "weight", []).append(parameter)
    return [
        {
            "role": role,
            "params": parameters,
            "lr": learning_rate if role == "weight" else rates[role],
            "weight_decay": weight_decay if role == "weight" else 0.0,
        }
        for role, parameters in members.items()
        if parameters
    ]


def make_optimizer(
    name: Literal["adam", "adamw", "sgd"],
    groups: list[dict[str, Any]],
    *,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> Optimizer:
    """Return the optimiser of these groups. `momentum` and `nesterov` are SGD's."""
    if name == "adam":
        return torch.optim.Adam(groups)
    if name == "adamw":
        return torch.optim.AdamW(groups)
    return torch.optim.SGD(groups, momentum=momentum, nesterov=nesterov)


class Schedule:
    r"""Sets the learning rates: linear warm-up, then cosine, steps, plateau, nothing; or a cycle.

    With base rate a, final rate b ≤ a, step t of T and W steps of warm-up,

        cosine   b + ½ (a − b) (1 + cos(π (t − W) / (T − W)))
        step     a · factor ** ⌊epoch / step_epochs⌋
        plateau  a · factor ** (number of times that `step_epochs` epochs brought no improvement)

    after a (t + 1) / W for t < W, and

        one_cycle  half a cosine up from a / 25 at step 0 to a at step W − 1, and half a cosine
                   down from there to b at step T − 1

    (L. N. Smith and N. Topin, "Super-convergence", 2018; with W = .3 T and b = a / 25e4, it is
    torch's `OneCycleLR` without its cycle of the momentum). All but `plateau` are functions of the
    step alone.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        kind: Literal["cosine", "one_cycle", "step", "plateau", "none"],
        *,
        steps_per_epoch: int,
        epochs: int,
        warmup_epochs: int = 0,
        final: float = 0.0,
        step_epochs: int = 1,
        factor: float = 1.0,
    ) -> None:
        self.optimizer = optimizer
        self.kind = kind
        self.steps_per_epoch = steps_per_epoch
        self.total = steps_per_epoch * epochs
        self.warmup = min(steps_per_epoch * warmup_epochs, self.total)
        self.final = final
        self.step_epochs = step_epochs
        self.factor = factor
        self.bases = [group["lr"] for group in optimizer.param_groups]
        self.drops = 0
        self.waited = 0

    def rate(self, base: float, step: int) -> float:
        """Return the learning rate of the step number `step`, counted from 0."""
        final = min(self.final, base)
        if self.kind == "one_cycle":
            peak, last = self.warmup - 1, self.total - 1
            if step < peak:
                return _half_cosine(base / 25, base, step / peak)
            return _half_cosine(base, final, (step - peak) / max(1, last - peak))
        if step < self.warmup:
            return base * (step + 1) / self.warmup
        if self.kind == "cosine":
            part = (step - self.warmup) / max(1, self.total - self.warmup)
            return _half_cosine(base, final, part)
        if self.kind == "step":
            return base * self.factor ** (step // self.steps_per_epoch // self.step_epochs)
        if self.kind == "plateau":
            return base * self.factor**self.drops
        return base

    def apply(self, step: int) -> None:
        """Set the learning rates of all groups for the step that comes now."""
        for group, base in zip(self.optimizer.param_groups, self.bases, strict=True):
            group["lr"] = self.rate(base, step)

    def end_epoch(self, *, improved: bool) -> None:
        """Count an epoch for `plateau`."""
        self.waited = 0 if improved else self.waited + 1
        if self.waited == self.step_epochs:
            self.drops, self.waited = self.drops + 1, 0

    def state_dict(self) -> dict[str, int]:
        """Return what is not a function of the step."""
        return {"drops": self.drops, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Restore what `state_dict` returned."""
        self.drops, self.waited = state["drops"], state["waited"]


def _half_cosine(start: float, end: float, part: float) -> float:
    """Return the value after a part of the smooth way from start to end."""
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2
