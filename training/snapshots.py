"""Where a training stands, and how that is saved and restored."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

import checkpoint
from partial_equiv.refusal import Refusal
from tracking import rewind
from training.draws import Draws
from training.precision import Precision
from training.settings import Settings
from training.stepper import Stepper

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["FitResult", "FitState", "Snapshots", "began_with", "load_best", "load_weights"]

# A training with other values of these is another training.
FIXED = ("seed", "max_batches", "batch_size", "accumulate", "optimizer")


@dataclass(frozen=True)
class FitResult:
    """What a training came to.

    Attributes:
        best_epoch: the epoch whose weights the model has now, from 1 on; 0 if none was trained.
        best_value: the monitored validation value of that epoch; NaN if none was trained.
        epochs_run: epochs trained, those before a resume included.
        seconds: time spent, that before a resume included.
        history: the tracked values of each epoch, with "epoch" and "step".
        precision: that it was trained in.
    """

    best_epoch: int
    best_value: float
    epochs_run: int
    seconds: float
    history: list[dict[str, float]]
    precision: Precision


@dataclass
class FitState:
    """How far a training is, in plain values.

    Attributes:
        epoch: finished epochs.
        batch: batches done in the running epoch.
        step: steps of the optimiser.
        sums: this rank's training sums of the running epoch, see `tester.add_batch`.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best_epoch: int = 0
    best_value: float = float("nan")
    best_loss: float = float("inf")
    seconds: float = 0.0
    epoch_seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    sums: dict[str, Tensor] = field(default_factory=dict)

    def end_epoch(
        self, value: float, mode: Literal["max", "min"], record: dict[str, float]
    ) -> bool:
        """Count an epoch; return whether it is the best so far (of equals, the lower loss)."""
        self.epoch, self.batch, self.sums = self.epoch + 1, 0, {}
        self.history.append({"epoch": self.epoch, "step": self.step, **record})
        loss, gain = record["val/loss"], value - self.best_value
        if mode == "min":
            gain = -gain
        first = self.best_epoch == 0
        if first or gain > 0 or (gain == 0 and loss < self.best_loss):
            self.best_epoch, self.best_value, self.best_loss = self.epoch, value, loss
            return True
        return False


class Snapshots:
    """Saves and restores a training: checkpoints/last.pt to go on, checkpoints/best.pt to use.

    A training may go on with another number of ranks. With the same number it equals one that was
    not interrupted bit for bit; with another, as far as sums in another order and what is drawn for
    each image let it: these draws start afresh, from the seed and the step.
    """

    def __init__(
        self,
        settings: Settings,
        fabric: "Fabric",
        state: FitState,
        stepper: Stepper,
        draws: Draws,
    ) -> None:
        self.settings, self.fabric, self.state, self.draws = settings, fabric, state, draws
        self.model, self.optimizer = stepper.model, stepper.optimizer
        self.schedule = stepper.schedule
        self.last, self.best = _files(Path(settings.run_folder))

    def save_last(self) -> None:
        """Save all that the next step depends on; to be called on every rank."""
        state = asdict(self.state)
        own = {"sums": state.pop("sums"), "generators": checkpoint.generator_states()}
        everyone: list[Any] = [own]
        if self.fabric.world_size > 1:
            everyone = [None] * self.fabric.world_size
            torch.distributed.all_gather_object(everyone, own)
        if self.fabric.is_global_zero:
            content = {
                "settings": {name: getattr(self.settings, name) for name in (*FIXED, "precision")},
                "state": state,
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "draws": self.draws.state(),
                "ranks": everyone,
            }
            checkpoint.save(self.last, content)

    def save_best(self) -> None:
        """Save the model, after `save_last`: a process killed in between loses nothing."""
        if self.fabric.is_global_zero:
            self._save_best(self.model.state_dict())

    def forget(self) -> None:
        """Drop records of an earlier training that ended before its first checkpoint."""
        if self.fabric.is_global_zero:
            rewind(self.last.parents[1], [])

    def restore(self, folder: Path) -> None:
        """Go on where the last checkpoint of a run folder stands.

        Raises:
            Refusal: if it is missing, damaged, of another model or of another training.
        """
        path, best = _files(Path(folder))
        content = checkpoint.load(path)
        try:
            self._restore(path, content)
        except (KeyError, IndexError, TypeError) as error:
            raise Refusal(f"checkpoint {path} is incomplete: {error}") from None
        if self.fabric.is_global_zero:
            if self.settings.tracker is not None:
                rewind(self.last.parents[1], self.state.history, source=Path(folder))
            if self.state.best_epoch:
                self._take_over_best(best, content["model"])

    def restore_best(self) -> None:
        """Give the model its best weights."""
        load_weights(self.model, checkpoint.load(self.best)["model"], self.best)

    def _restore(self, path: Path, content: dict[str, Any]) -> None:
        for name in FIXED:
            old, new = content["settings"][name], getattr(self.settings, name)
            if new != old:
                raise Refusal(f"checkpoint {path} was written with {name}={old}", **{name: new})
        load_weights(self.model, content["model"], path)
        chosen = [
            {name: value for name, value in group.items() if name not in ("params", "lr")}
            for group in self.optimizer.param_groups
        ]
        self.optimizer.load_state_dict(content["optimizer"])
        for group, options in zip(self.optimizer.param_groups, chosen, strict=True):
            group.update(options)  # settings are those of now
        self.schedule.load_state_dict(content["schedule"])
        for name, value in content["state"].items():
            setattr(self.state, name, value)
        self.draws.start(self.state.step)
        rank, ranks = self.fabric.global_rank, content["ranks"]
        if len(ranks) == self.fabric.world_size:
            sums = ranks[rank]["sums"]
            checkpoint.set_generator_states(ranks[rank]["generators"])
        else:  # rank 0 takes the sums of all
            of_all = ((name, [each["sums"][name] for each in ranks]) for name in ranks[0]["sums"])
            sums = {name: torch.stack(each).sum() * (rank == 0) for name, each in of_all}
        self.draws.restore(content.get("draws", {}))  # old checkpoints have none
        self.state.sums = {name: value.to(self.fabric.device) for name, value in sums.items()}

    def _take_over_best(self, path: Path, last_model: dict[str, Tensor]) -> None:
        state = self.state
        if state.epoch == state.best_epoch and not state.batch:
            self._save_best(last_model)
            return
        content = checkpoint.load(path)
        if content["epoch"] != state.best_epoch:
            raise Refusal(f"checkpoint {path} is not of epoch {state.best_epoch}, the best one")
        checkpoint.save(self.best, content)

    def _save_best(self, model: dict[str, Tensor]) -> None:
        state = self.state
        content = {"model": model, "epoch": state.best_epoch, "value": state.best_value}
        checkpoint.save(self.best, content)


def began_with(folder: Path) -> Precision | None:
    """The precision of the training whose last checkpoint a run folder holds; None if that is older
    than its record of it.

    Raises:
        Refusal: if the checkpoint is missing or damaged.
    """
    last, _ = _files(folder)
    precision: Precision | None = checkpoint.load(last).get("settings", {}).get("precision")
    return precision


def load_best(model: nn.Module, folder: Path) -> None:
    """Give a model the best weights of the run in a folder.

    Raises:
        Refusal: if the checkpoint is missing, damaged or of another net.
    """
    _, path = _files(folder)
    load_weights(model, checkpoint.load(path)["model"], path)


def _files(folder: Path) -> tuple[Path, Path]:
    return folder / "checkpoints" / "last.pt", folder / "checkpoints" / "best.pt"


def load_weights(model: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Give a model the weights of a file.

    Raises:
        Refusal: if they are of another net.
    """
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:]]
        raise Refusal(f"checkpoint {path} is of another net: {' '.join(lines)[:300]}") from None
