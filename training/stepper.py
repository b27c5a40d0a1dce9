"""The stepper: one step of the optimiser, from batches to new parameters."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from partial_equiv.penalties import kernel_l2, monotone, narrow
from partial_equiv.sampling import project_, set_progress
from partial_equiv.variational import collected_kl
from tasks import Task
from tester import add_batch
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
        rates = {
            "weight": settings.learning_rate,
            "range": settings.range_learning_rate,
            "keep_logits": settings.keep_learning_rate,
            "omega0": settings.omega0_learning_rate,
        }
        self.optimizer = make_optimizer(
            settings.optimizer,
            parameter_groups(model, rates, settings.weight_decay),
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
                with collected_kl() as terms:
                    loss, metrics = self.task.step(self.wrapped, batch)
                penalty = self._penalty()
                if terms:
                    metrics = {**metrics, "kl": torch.stack(terms).sum(0).mean()}
                    penalty = penalty + self.settings.kl_penalty * metrics["kl"]
                add_batch(sums, len(batch[0]), loss, metrics)
                self.fabric.backward((loss + penalty) / len(group))
        if self.settings.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.gradient_clip)
        self.optimizer.step()
        project_(self.model)

    def _penalty(self) -> Tensor | float:
        penalty: Tensor | float = 0.0
        if self.settings.monotone_penalty:
            penalty = self.settings.monotone_penalty * monotone(self.model)
        if self.settings.narrow_penalty:
            penalty = penalty + self.settings.narrow_penalty * narrow(self.model)
        if self.settings.kernel_l2_penalty:
            penalty = penalty + self.settings.kernel_l2_penalty * kernel_l2(self.model)
        return penalty
