"""What every measure promises: it gets a trained net with its data, and gives plain results.

    measure=[gallery,angles]     takes these two after the test of a run
    probe=[layer_errors]         takes this one after every epoch of the training

A measure is one file here and one YAML in cfg/measure; a probe likewise, in cfg/probe.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn

from datasets.spec import DataSpec, Split, Splits
from tasks import Task
from trainer import Trainer

__all__ = ["Measure", "Measured", "Probe", "Subject", "Table"]

Table: TypeAlias = tuple[Sequence[str], Sequence[Sequence[object]]]
"""The names of the columns, and the rows."""


@dataclass(frozen=True)
class Subject:
    """A trained net, with all that a measure may look at.

    Attributes:
        model: with its best weights, in evaluation mode, frozen, on the device of the training.
        splits: its data.
        task: what it was trained for.
        history: what was recorded before the training (epoch 0: learned numbers and probes alone)
            and after each epoch.
        folder: the run folder.
        seed: of the run.
        batch_size: of the training.
        max_batches: to evaluate on; None: all of a split.
        trainer: that trained it; None: it is not known.
    """

    model: nn.Module
    splits: Splits
    task: Task
    history: Sequence[Mapping[str, float]]
    folder: Path
    seed: int
    batch_size: int
    max_batches: int | None = None
    trainer: Trainer | None = None

    @property
    def spec(self) -> DataSpec:
        """Of the data."""
        return self.splits.spec

    @property
    def device(self) -> torch.device:
        """Where the net is."""
        return next((each.device for each in self.model.parameters()), torch.device("cpu"))

    def batches(self, split: Split) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of a split in their order, on the CPU; as many as are to be looked at."""
        workers = self.trainer.workers if self.trainer is not None else 0
        return islice(split.batches(self.batch_size, workers=workers), self.max_batches)

    def picture(self, name: str) -> Path:
        """Where a picture of this name belongs."""
        return self.folder / "figures" / f"{name}.png"


@dataclass(frozen=True)
class Measured:
    """What a measure found.

    Attributes:
        values: flat; they stand in result.json as <measure>/<name>.
        tables: by name; they stand in tables/<measure>/<name>.csv.
        pictures: the files that were drawn, see `Subject.picture`.
    """

    values: Mapping[str, float | int | str] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    pictures: Sequence[Path] = ()


class Measure(ABC):
    """Looks at a trained net; its constructor takes plain settings."""

    def check(self, model: nn.Module, spec: DataSpec, task: Task) -> None:
        """Check that this can be measured of the net, before anything is trained.

        Raises:
            Refusal: if it cannot.
        """
        return

    @abstractmethod
    def measure(self, subject: Subject) -> Measured:
        """Look at the net; draws from generators of its own, seeded by `subject.seed`."""


class Probe(ABC):
    """Looks at a net that is being trained: before the first epoch and after each one.

    Attributes:
        num_images: of the validation split, that it looks at.
    """

    num_images: int

    def check(self, model: nn.Module, spec: DataSpec, task: Task) -> None:
        """Check that this can be measured of the net, before anything is trained.

        Raises:
            Refusal: if it cannot.
        """
        return

    @abstractmethod
    def look(self, model: nn.Module, images: Tensor) -> Mapping[str, float]:
        """Figures by names of their own, <probe>/…, to join the epoch's record.

        Args:
            model: in evaluation mode or not, as the training has it; it is left as it was.
            images: the first ones of the validation split [num_images, C, H, W], on its device.
        """
