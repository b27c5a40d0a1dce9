"""The settings of a training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from torch import nn

from partial_equiv.intervals import Count, Fraction, Natural, NonNegative, Positive
from partial_equiv.penalties import Penalty
from partial_equiv.refusal import Refusal
from tracking import Tracker

__all__ = ["Settings"]


@dataclass(kw_only=True)
class Settings:
    """What a training is told; see `trainer.Trainer`.

    Attributes:
        run_folder: gets checkpoints/last.pt (every epoch, and on a signal) and best.pt.
        tracker: gets train/*, val/*, lr, range/* and seconds/epoch after every epoch.
        seed: of data order and augmentation, and of the draws that layers make.
        probe: asked of the model after each validation, on the leading rank; what it says joins the
            records.
        further_penalties: on the net as a whole, that are added to the loss.
        epochs: passes over the training split; 0 leaves the net as it was initialised.
        steps: of the optimiser, in place of `epochs`: so many epochs as make at least these steps.
        max_batches: of an epoch, and to evaluate on; None: all of them.
        batch_size: samples of a batch, over all devices of all machines together; their shares of
            it differ by at most one.
        accumulate: batches that make one step of the optimiser.
        optimizer: momentum and nesterov are SGD's.
        learning_rate: of the weights.
        rates: of parameters that do not learn as weights do, by their names, in place of what the
            net says: range, keep_logits, omega0, … (None: as the net says).
        weight_decay: of the weights alone (decoupled with AdamW).
        schedule: after (one_cycle: with) `warmup_epochs`, see `training.optimisation.Schedule`.
        step_epochs: epochs between two steps, or the patience of plateau.
        step_factor: what a step multiplies the rates by.
        gradient_clip: bound of the gradient's norm.
        penalties: weights of what is added to the loss, by name: monotone (the growth of ranges
            with depth), narrow (what ranges lack to the whole group, Augerino's regulariser),
            kernel_l2 (the squared norm of the generated kernels), and the terms of the net's
            relaxations, such as kl (None: as the relaxation says).
        early_stop_epochs: stop after so many epochs without improvement.
        reestimate_norm: take fresh norm statistics before each validation.
        devices: processes on this machine, which main.py starts; under torchrun or srun as many as
            they have started, or 1.
        precision: bf16-mixed multiplies in bfloat16, with weights in float32; auto does where that
            pays on this machine, see `training.precision`, and goes on as the training began.
        compile: train through torch.compile; minutes to start, and it needs a C++ compiler.
        workers: processes of each device that read ahead what the data set leaves in its files; 0
            reads a batch when it is asked for. The batches are the same.
        deterministic: ask torch for deterministic algorithms (CUDA; the CPU's are).
        resume: run folder whose last checkpoint to go on from; an unfinished epoch, too, goes on
            at its next batch, and the run equals an uninterrupted one bit for bit. With another
            number of devices it equals that but for rounding, and for what is drawn for each image.

    Raises:
        Refusal: for settings that do not go together.
    """

    run_folder: Path
    tracker: Tracker | None
    seed: Natural = 0
    probe: Callable[[nn.Module], Mapping[str, float]] | None = None
    further_penalties: Sequence[Penalty] = ()
    epochs: Natural = 25
    steps: Count | None = None
    max_batches: Count | None = None
    batch_size: Count = 64
    accumulate: Count = 1
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: Positive = 1e-2
    rates: Mapping[str, NonNegative | None] = field(default_factory=dict)
    weight_decay: NonNegative = 0.0
    momentum: Fraction = 0.9
    nesterov: bool = False
    schedule: Literal["cosine", "one_cycle", "step", "plateau", "none"] = "cosine"
    warmup_epochs: Natural = 1
    final_learning_rate: NonNegative = 1e-6
    step_epochs: Count = 10
    step_factor: Fraction = 0.5
    gradient_clip: Positive | None = None
    penalties: Mapping[str, NonNegative | None] = field(default_factory=dict)
    early_stop_epochs: Count | None = None
    reestimate_norm: bool = True
    device: Literal["auto", "cpu", "cuda"] = "auto"
    devices: Count = 1
    precision: Literal["32-true", "bf16-mixed", "auto"] = "32-true"
    compile: bool = False
    workers: Natural = 2
    deterministic: bool = False
    resume: Path | None = None

    def __post_init__(self) -> None:
        """Check that the settings go together."""
        if self.batch_size < self.devices:
            raise Refusal(f"is less than devices={self.devices}", batch_size=self.batch_size)
        if self.nesterov and not self.momentum:
            raise Refusal("needs momentum > 0", nesterov=True)
        if self.final_learning_rate > self.learning_rate:
            reason = f"is above learning_rate={self.learning_rate:g}"
            raise Refusal(reason, final_learning_rate=self.final_learning_rate)
        if self.epochs and self.warmup_epochs > self.epochs:
            reason = f"is more than epochs={self.epochs}"
            raise Refusal(reason, warmup_epochs=self.warmup_epochs)
