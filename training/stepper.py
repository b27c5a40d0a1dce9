"""The stepper: one step of the optimiser, from batches to new parameters."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from partial_equiv.penalties import PENALTIES
from partial_equiv.relaxations import Terms, after_step, collected_terms, set_progress
from tasks import Task
from tester import add_batch
from training.offers import penalty_weights, rates
from training.optimisation import Schedule, make_optimizer, parameter_groups
from training.settings import Settings

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["Stepper"]


class Stepper:
    """Owns the optimiser and the schedule of a model, which it moves to the training device."""

    def __init__(
        self,
        settings: Settings,
        fabric: "Fabric",
        model: nn.Module,
        task: Task,
        steps_per_epoch: int,
        num_epochs: int,
    ) -> None:
        self.settings, self.fabric, self.model, self.task = settings, fabric, model, task
        self.num_steps = steps_per_epoch * num_epochs
        compiled = cast(nn.Module, torch.compile(model)) if settings.compile else model
        self.wrapped = fabric.setup_module(compiled)
        self.weights = penalty_weights(model, settings.penalties)
        self.terms = Terms(model)
        own = rates(model, settings.rates)
        self.optimizer = make_optimizer(
            settings.optimizer,
            parameter_groups(model, settings.learning_rate, own, settings.weight_decay),
            momentum=settings.momentum,
            nesterov=settings.nesterov,
        )
        self.schedule = Schedule(
            self.optimizer,
            settings.schedule,
            steps_per_epoch=steps_per_epoch,
            epochs=num_epochs,
            warmup_epochs=settings.warmup_epochs,
            final=settings.final_learning_rate,
            step_epochs=settings.step_epochs,
            factor=settings.step_factor,
        )

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Let the net's relaxations hand their terms of the loss to the steps in this block."""
        with collected_terms(self.model) as self.terms:
            yield

    def step(
        self, group: Sequence[tuple[Tensor, ...]], index: int, sums: dict[str, Tensor]
    ) -> None:
        """Make step number `index` with the mean gradient of a group of batches.

        Adds loss (without penalties) and metrics to `sums`, see `tester.add_batch`.
        """
        set_progress(self.model, index / self.num_steps)
        self.schedule.apply(index)
        self.optimizer.zero_grad()
        for number, batch in enumerate(group, 1):
            more = self.fabric.world_size > 1 and number < len(group)
            with self.fabric.no_backward_sync(self.wrapped) if more else nullcontext():
                self.terms.clear()
                loss, metrics = self.task.step(self.wrapped, batch)
                terms = self.terms.totals()
                metrics = {**metrics, **terms}
                penalty = self._penalty(terms)
                add_batch(sums, len(batch[0]), loss, metrics)
                self.fabric.backward((loss + penalty) / len(group))
        if self.settings.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.gradient_clip)
        self.optimizer.step()
        after_step(self.model)

    def _penalty(self, terms: Mapping[str, Tensor]) -> Tensor | float:
        penalty: Tensor | float = 0.0
        for name, weight in self.weights.items():
            if weight and name in PENALTIES:
                penalty = penalty + weight * PENALTIES[name](self.model)
            elif weight and name in terms:
                penalty = penalty + weight * terms[name]
        return penalty
