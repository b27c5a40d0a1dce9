"""One training in progress: its epochs and validations."""

import logging
import math
import time
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, NoReturn, cast

import torch
from torch import Tensor, distributed, nn

from config_schema.quoting import typed
from datasets.spec import Split, Splits
from interruption import Interrupted, Interruption
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations import numbers
from tasks import Task
from tester import means, totals
from training.allocator import keep_freed_memory
from training.draws import Draws
from training.norm_statistics import mixed_batches, reestimate
from training.precision import Precision
from training.progress import Progress
from training.settings import Settings
from training.snapshots import FitResult, FitState, Snapshots
from training.stepper import Stepper

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["Fit"]

log = logging.getLogger(__name__)

NORM_BATCHES = 32  # enough for statistics; the running averages of training see about 10
CHECK_EVERY = 16  # steps between looks at the loss where looking makes the device wait


class Fit:
    """Carries out what the settings say, on one of its ranks; `run` may be called once.

    Several ranks train as one process does: with the same batches, statistics and mean gradients,
    and with the same draws of what all images of a batch share (the shift of a sampling). What is
    drawn for each image (augmentation, dropout, a sampling with scope=element, the parts that an
    image keeps) each rank draws for its own images: such trainings equal one process's in
    distribution. Of a batch with fewer samples than ranks, each rank computes all.

    Raises:
        Refusal: if the training split has no samples, or a batch fewer than there are ranks.
    """

    def __init__(
        self, settings: Settings, fabric: "Fabric", model: nn.Module, splits: Splits, task: Task
    ) -> None:
        keep_freed_memory()
        self.settings, self.fabric, self.splits, self.task = settings, fabric, splits, task
        self.ranks, self.leads = fabric.world_size, fabric.is_global_zero
        if settings.batch_size < self.ranks:
            reason = f"is less than the number of processes that share a batch, {self.ranks}"
            raise Refusal(reason, batch_size=settings.batch_size)
        self.num_batches = self._limited(splits.train.num_batches(settings.batch_size))
        if not self.num_batches:
            raise Refusal("nothing to train on: the training split has no samples")
        self.steps_per_epoch = math.ceil(self.num_batches / settings.accumulate)
        self.num_epochs = settings.epochs
        if settings.steps is not None:
            self.num_epochs = math.ceil(settings.steps / self.steps_per_epoch)
        self.model = model
        self.stepper = Stepper(
            settings,
            fabric,
            model,
            task,
            self.steps_per_epoch,
            self.num_epochs,
            task.symmetry(splits.spec) if settings.further_penalties else None,
        )
        self.state = FitState()
        self.draws = Draws(settings.seed, fabric)
        self.snapshots = Snapshots(settings, fabric, self.state, self.stepper, self.draws)

    def run(self) -> FitResult:
        """Train to the end, or as far as signals and early stopping let it."""
        state, settings = self.state, self.settings
        self.draws.start()
        if settings.resume is not None:
            self.snapshots.restore(settings.resume)
            if self.leads and (state.epoch >= self.num_epochs or self._stale()):
                log.info("nothing is left to train, after %d epochs", state.epoch)
        else:
            self.snapshots.forget()
            self.task.prepare(self.model, self.splits.train, self.splits.spec)
            if not self.num_epochs:
                self.snapshots.save_last()
        with (
            self.stepper.collecting(),
            self.draws.shared(),
            Interruption() as self.interruption,
            Progress(
                steps=self.num_epochs * self.steps_per_epoch,
                done=state.step,
                epochs=self.num_epochs,
                visible=self.leads,
            ) as self.progress,
        ):
            self.clock = time.monotonic()
            if self.ranks > 1 and state.epoch < self.num_epochs:
                self._rehearse()
            while state.epoch < self.num_epochs and not self._stale():
                self._train()
                self._end_epoch()
                if asked := self._asked_to_stop():
                    self._stop(asked, f"after epoch {state.epoch}")
        if not state.best_epoch:  # nothing was trained: the weights as they were initialised
            self.snapshots.save_best()
        if self.leads:
            self.snapshots.restore_best()
        return FitResult(
            best_epoch=state.best_epoch,
            best_value=state.best_value,
            epochs_run=state.epoch,
            seconds=state.seconds,
            history=state.history,
            precision=cast(Precision, settings.precision),
        )

    def timed(self, num_steps: int) -> list[float]:
        """Make steps in place of the training, all with its first batch; the seconds of each."""
        device = self.fabric.device
        group = list(islice(self._batches(0), self.settings.accumulate))
        self.model.train()
        seconds = []
        with self.stepper.collecting():
            for _ in range(num_steps):
                start = time.perf_counter()
                self.stepper.step(group, 0, self.state.sums)
                if device.type == "cuda":
                    torch.cuda.synchronize(device)
                seconds.append(time.perf_counter() - start)
        return seconds

    def _batches(self, epoch: int, start: int = 0) -> Iterator[tuple[int, tuple[Tensor, ...]]]:
        """The batches of an epoch: the number of samples on all ranks, and this rank's share."""
        size, num_samples = self.settings.batch_size, len(self.splits.train)
        shares = self.splits.train.batches(
            size,
            seed=self.settings.seed,
            epoch=epoch,
            start=start,
            rank=self.fabric.global_rank,
            num_ranks=self.ranks,
            device=self.fabric.device,
            workers=self.settings.workers,
        )
        sizes = (min(size, num_samples - size * k) for k in range(start, self.num_batches))
        return zip(sizes, shares, strict=False)  # sizes end where max_batches says

    def _rehearse(self) -> None:
        """See `Stepper.rehearse`."""
        self.model.train()
        with self.draws.kept():
            self.stepper.rehearse(*next(self._batches(0)))

    def _train(self) -> None:
        """Train from the state's batch to the end of the epoch."""
        state, settings = self.state, self.settings
        self.model.train()
        batches = self._batches(state.epoch, state.batch)
        while group := list(islice(batches, settings.accumulate)):
            self.stepper.step(group, state.step, state.sums)
            state.batch += len(group)
            state.step += 1
            self.progress.step(self._finite_loss() if self._looks() else None)
            if asked := self._asked_to_stop():
                self._finite_loss()
                self._tick()
                self.snapshots.save_last()
                self._stop(asked, f"in epoch {state.epoch + 1}, after batch {state.batch}")

    def _end_epoch(self) -> None:
        """Validate, report and save."""
        state, settings = self.state, self.settings
        values = {f"train/{name}": value for name, value in self._means(state.sums).items()}
        self._check_finite(values["train/loss"])
        if settings.reestimate_norm:
            images = mixed_batches(
                self.splits.train,
                settings.batch_size,
                limit=self._limited(NORM_BATCHES),
                seed=settings.seed,
                device=self.fabric.device,
                rank=self.fabric.global_rank,
                num_ranks=self.ranks,
                workers=settings.workers,
            )
            with self.fabric.autocast():
                reestimate(self.model, images)
            self.stepper.project_()
        validation = self._validate(self.splits.val)
        self._check_finite(validation["loss"])
        values |= {f"val/{name}": value for name, value in validation.items()}
        values["lr"] = self.stepper.optimizer.param_groups[0]["lr"]
        values |= numbers(self.model)
        if self.leads and settings.probe is not None:
            values |= settings.probe(self.model)
        self._tick()
        values["seconds/epoch"], state.epoch_seconds = state.epoch_seconds, 0.0
        improved = state.end_epoch(validation[self.task.monitor], self.task.mode, values)
        self.stepper.schedule.end_epoch(improved=improved)
        if self.leads and self.settings.tracker is not None:
            self.settings.tracker.scalars(values, epoch=state.epoch, step=state.step)
        self.progress.epoch(state.epoch, values)
        self.snapshots.save_last()
        if improved:
            self.snapshots.save_best()

    def _validate(self, split: Split) -> dict[str, float]:
        ranks = self.ranks if len(split) >= self.ranks else 1
        batches = split.batches(
            self.settings.batch_size,
            rank=self.fabric.global_rank if ranks > 1 else 0,
            num_ranks=ranks,
            device=self.fabric.device,
            workers=self.settings.workers,
        )
        figures = self.task.figures()
        with self.fabric.autocast():
            limited = islice(batches, self.settings.max_batches)
            sums = totals(self.model, limited, self.task, figures)
        return self._means(sums) | figures.values()

    def _means(self, sums: dict[str, Tensor]) -> dict[str, float]:
        """Return the means over the samples of all ranks."""
        if self.ranks > 1 and sums:
            total = self._summed(torch.stack(list(sums.values())))
            sums = dict(zip(sums, total, strict=True))
        return self.task.summary(means(sums))

    def _summed(self, values: Tensor) -> Tensor:
        total = self.fabric.all_reduce(values, reduce_op="sum")
        assert isinstance(total, Tensor)
        return total

    def _limited(self, batches: int) -> int:
        most = self.settings.max_batches
        return batches if most is None else min(batches, most)

    def _looks(self) -> bool:
        return self.fabric.device.type == "cpu" or self.state.step % CHECK_EVERY == 0

    def _finite_loss(self) -> float:
        """The mean training loss of this rank in the running epoch, checked."""
        loss = means(self.state.sums)["loss"]
        self._check_finite(loss)
        return loss

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise Refusal(
                f"training diverged: the loss is {loss} in epoch {self.state.epoch + 1}, step "
                f"{self.state.step}; try a smaller train.learning_rate or train.gradient_clip=1 "
                f"(the last checkpoint is kept)"
            )

    def _asked_to_stop(self) -> int:
        """The signal that one of the ranks got, 0 if none did; all ranks agree."""
        asked = self.interruption.requested
        if self.ranks > 1:
            number = torch.tensor(asked, device=self.fabric.device)
            distributed.all_reduce(number, distributed.ReduceOp.MAX)
            asked = int(number)
        return asked

    def _stop(self, asked: int, where: str) -> NoReturn:
        word = typed("train.resume", self.settings.run_folder)
        message = f"stopped {where}; go on with {word}"
        if self.leads:
            log.info(message)
        raise Interrupted(message, asked)

    def _stale(self) -> bool:
        patience = self.settings.early_stop_epochs
        return patience is not None and self.state.epoch - self.state.best_epoch >= patience

    def _tick(self) -> None:
        now = time.monotonic()
        self.state.seconds += now - self.clock
        self.state.epoch_seconds += now - self.clock
        self.clock = now
