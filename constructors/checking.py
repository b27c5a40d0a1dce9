"""Whether a config can be run: looked at before anything is written, and before data are read."""

from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from budget import building, try_out
from config_schema.complaints import located
from constructors.build import Build

__all__ = ["Checked", "check"]


@dataclass(frozen=True)
class Checked:
    """What a run would train, and where.

    Attributes:
        parameters: numbers that are learned.
        device: cpu or cuda.
        step: GiB that a training step takes, about.
    """

    parameters: int
    device: str
    step: float

    def __str__(self) -> str:
        """A line for the user; memory is spoken of where it is much."""
        memory = f", a step takes about {self.step:.0f} GiB" if self.step >= 1 else ""
        return f"{self.parameters:,} parameters on the {self.device}{memory}"


def check(config: DictConfig) -> Checked:
    """Refuse a config that cannot be constructed, before anything is written or read.

    Raises:
        ConfigError: naming every wrong value; if there is none, settings that clash.
    """
    build = Build(config)
    build.check_windows()
    with located("net"), building():
        model = build.model
    with located("net"):
        images = config.train.get("batch_size", 1)
        step = try_out(model, build.shown.in_channels, build.shown.size, images)
    task = build.task
    for section, parts in (("measure", build.measures), ("probe", build.probes)):
        for name, part in parts.items():
            with located(f"{section}={name}", f"{section}.{name}"):
                part.check(model, build.spec, task)
    for name, penalty in build.penalties.items():
        with located(f"penalty={name}", f"penalty.{name}"):
            penalty.check(model, task.symmetry(build.shown))
    trainer = build.trainer(Path(), None)
    trainer.check(model)
    with located("train", "train"):
        device = trainer.chosen_device()
    build.check_available()
    return Checked(sum(each.numel() for each in model.parameters()), device, step)
