"""The stepper: one step of the optimiser, from batches to new parameters."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from datasets.randomness import keyed_generator
from partial_equiv.gconv.ranks import joint_batch
from partial_equiv.penalties import PENALTIES, Batch, Symmetry
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
    """Owns the optimiser and the schedule of a model, which it moves to the training device.

    The gradient of a batch that several ranks share is that of one process: each rank's loss counts
    as much as the samples it has, and the ranks are averaged. What depends on the parameters alone
    is the same on all ranks, and in their average, too. This holds for losses that are means over
    the samples; variances within a batch (`tasks.Generating`) are each rank's own.
    """

    def __init__(
        self,
        settings: Settings,
        fabric: "Fabric",
        model: nn.Module,
        task: Task,
        steps_per_epoch: int,
        num_epochs: int,
        symmetry: Symmetry | None = None,
    ) -> None:
        self.settings, self.fabric, self.model, self.task = settings, fabric, model, task
        self.symmetry = symmetry
        for penalty in settings.further_penalties:
            penalty.check(model, symmetry)
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
        self, group: Sequence[tuple[int, tuple[Tensor, ...]]], index: int, sums: dict[str, Tensor]
    ) -> None:
        """Make step number `index` with the mean gradient of a group of batches: the number of
        samples on all ranks, and this rank's share of them.

        Adds loss (without penalties) and metrics to `sums`, see `tester.add_batch`: the sums of all
        ranks add up to those of one process.
        """
        self.schedule.apply(index)
        self._gradient(group, index, sums)
        if self.settings.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.gradient_clip)
        self.optimizer.step()
        after_step(self.model)
        self.project_()

    def rehearse(self, num_samples: int, share: tuple[Tensor, ...]) -> None:
        """Compute the gradient of a batch, and leave all but the gradient as it was.

        Only after the first backward pass does DistributedDataParallel know in which order it sums
        up gradients over the ranks, and another order is rounded otherwise. So trainings rehearse
        with one and the same batch, wherever they begin or go on.
        """
        before = [buffer.clone() for buffer in self.model.buffers()]
        self._gradient([(num_samples, share)], 0, {})
        for buffer, value in zip(self.model.buffers(), before, strict=True):
            buffer.copy_(value)

    def _gradient(
        self, group: Sequence[tuple[int, tuple[Tensor, ...]]], index: int, sums: dict[str, Tensor]
    ) -> None:
        """Compute the mean gradient of a group of batches, as `step` says."""
        set_progress(self.model, index / self.num_steps)
        self.optimizer.zero_grad()
        ranks = self.fabric.world_size
        for number, (num_samples, batch) in enumerate(group, 1):
            counting = len(batch[0]) / (ranks if num_samples < ranks else 1)
            more = ranks > 1 and number < len(group)
            sync = self.fabric.no_backward_sync(self.wrapped) if more else nullcontext()
            with joint_batch(num_samples), sync:
                self.terms.clear()
                with self._answers() as answers:
                    loss, metrics = self.task.step(self.wrapped, batch)
                terms = self.terms.totals()
                total = loss + self._penalty(terms)
                for place, penalty in enumerate(self.settings.further_penalties):
                    key = (self.settings.seed, "penalty", place, index, number)
                    added = penalty.terms(self.model, self._batch(batch, answers, key))
                    total = total + (penalty.task_weight - 1) * loss
                    total = total + sum(penalty.weights[name] * added[name] for name in added)
                    terms = {**terms, **added}
                add_batch(sums, counting, loss, {**metrics, **terms})
                share = counting * ranks / num_samples  # 1 on average over the ranks
                self.fabric.backward(total * share / len(group))

    def project_(self) -> None:
        """Bring the net to where the penalties want it, also its running statistics."""
        for penalty in self.settings.further_penalties:
            assert self.symmetry is not None, "or its check would have refused it"
            penalty.project_(self.model, self.symmetry)

    @contextmanager
    def _answers(self) -> Iterator[list[Tensor]]:
        """What the net answers in this block, if a penalty wants to know."""
        answers: list[Tensor] = []
        if not self.settings.further_penalties:
            yield answers
            return
        hook = self.wrapped.register_forward_hook(lambda *call: answers.append(call[-1]))
        try:
            yield answers
        finally:
            hook.remove()

    def _batch(
        self, batch: tuple[Tensor, ...], answers: Sequence[Tensor], key: tuple[int | str, ...]
    ) -> Batch:
        """What a penalty is shown; all ranks draw alike."""
        assert self.symmetry is not None, "or its check would have refused it"
        (said,) = answers
        return Batch(self.wrapped, batch[0], said, self.symmetry, keyed_generator(*key))

    def _penalty(self, terms: Mapping[str, Tensor]) -> Tensor | float:
        penalty: Tensor | float = 0.0
        for name, weight in self.weights.items():
            if weight and name in PENALTIES:
                penalty = penalty + weight * PENALTIES[name](self.model)
            elif weight and name in terms:
                penalty = penalty + weight * terms[name]
        return penalty
