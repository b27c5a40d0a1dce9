"""The parts of a run, made from the sections of its config."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from budget import building
from config_schema import ConfigError
from config_schema.complaints import located
from config_schema.components import Component, Made
from config_schema.targets import resolve
from constructors.sections import components
from constructors.width import widened
from datasets.recorded_spec import read_spec
from datasets.spec import DataSpec, Splits
from measures.measure import Measure, Probe
from partial_equiv.penalties import Penalty
from partial_equiv.relaxations import Relaxation
from run_folder import has_checkpoint, read_finished
from tasks import Task
from tracking import Tracker
from trainer import Trainer
from training.offers import offered_penalties, offered_rates
from training.snapshots import load_best

__all__ = ["Build", "construct_model", "matched"]

LAYERS = {  # made with the settings of the section conv, as far as they have them
    "lifting": "partial_equiv.gconv.LiftingConv",
    "pointwise": "partial_equiv.gconv.PointwiseConv",
    "averaged": "partial_equiv.gconv.AveragedConv",
}


def construct_model(config: DictConfig) -> nn.Module:
    """The net of a config, initialised from its seed; reads no data.

    Raises:
        ConfigError: naming every problem, also settings that do not go together.
    """
    return Build(config).model


def matched(config: DictConfig, folder: Path | None = None) -> DictConfig:
    """A config whose net is as wide as its `net.parameters` asks for, and that asks no more.

    Args:
        config: as composed.
        folder: of a run: if it asked for the same number, what it chose is taken.

    Raises:
        ConfigError: if no net comes within 1 % of the number, and as `components` does.
    """
    return widened(config, construct_model, folder)


class Build:
    """The parts of a run, each one made when it is first asked for.

    A part's property refuses settings that do not go together with a ConfigError.

    Attributes:
        config: with the width that it asks for.
    """

    def __init__(self, config: DictConfig, spec: DataSpec | None = None) -> None:
        """
        Args:
            config: as composed.
            spec: of the data, if it is known; None: as the data set says.
        """
        self.config = matched(config)
        self._known_spec = spec
        self._sections = components(self.config)

    @classmethod
    def of_finished(cls, folder: Path, packages: Sequence[str] = ()) -> Self:
        """The parts of a finished run, its net with the best weights, in evaluation mode, frozen.

        Args:
            folder: of the run. Its record of the data counts, whatever has become of them.
            packages: of the user's, whose classes its config may name.

        Raises:
            ConfigError: if there is no finished run in the folder, or one that this program
                refuses.
            Refusal: if its checkpoint is damaged, or of another net.
        """
        config = OmegaConf.create({**read_finished(folder), "packages": list(packages)})
        build = cls(matched(config, folder), read_spec(folder))
        return build.trained(lambda model: load_best(model, folder))

    def trained(self, load: Callable[[nn.Module], None]) -> Self:
        """The same, its net with the weights that `load` gives it, in evaluation mode, frozen.

        Raises:
            ConfigError: if the net is refused, or takes too much to be built.
        """
        with located("net"), building():
            _ = self.model
        load(self.model)
        self.model.eval().requires_grad_(False)
        return self

    @cached_property
    def model(self) -> nn.Module:
        """The net, initialised from the config's seed."""
        conv, spec = self._sections["conv"], self.shown
        given = {
            "kernel": self._make("kernel"),
            "sampling": self._make("base_group"),
            "relaxation": self._make("relaxation"),
        }
        layers = {name: conv.retargeted(resolve(path)) for name, path in LAYERS.items()}
        with torch.random.fork_rng():
            torch.manual_seed(self.config.seed)
            return self._make(
                "net",
                in_channels=spec.in_channels,
                num_outputs=spec.num_outputs,
                size=spec.size,
                num_views=spec.num_views,
                kernel=given["kernel"],
                conv=self._construct(conv, given),
                **{name: self._construct(layer, given) for name, layer in layers.items()},
            )

    @property
    def tests(self) -> bool:
        """Whether the trained net is tested, and measured."""
        return bool(self.config.get("test", True))

    def takes(self, section: str, name: str) -> bool:
        """Whether what a section names has a parameter of this name."""
        return name in self._sections[section].parameters

    def check_windows(self) -> None:
        """Refuse windows that no two pixels of an image are far enough apart for.

        Raises:
            ConfigError: naming the setting.
        """
        net, conv = self._sections["net"], self._sections["conv"]
        most = 2 * max(self.shown.size) + 1
        for section in (net, conv) if {"conv", *LAYERS} & {*net.parameters} else (net,):
            for name, value in section.arguments.items():
                sized = name.endswith(("kernel_size", "padding")) and isinstance(value, int)
                if sized and value > most:
                    reason = f"more than {most} serve no image of {max(self.shown.size)} pixels"
                    raise ConfigError(f"{section.key}.{name}={value}: {reason}")

    @property
    def spec(self) -> DataSpec:
        """What a net must know of the data, which are not read for it."""
        return self._known_spec or self._dataset.spec

    @property
    def shown(self) -> DataSpec:
        """What the net is shown of the data: they themselves, unless the task encodes them."""
        return self.task.shown(self.spec)

    @cached_property
    def splits(self) -> Splits:
        """The data.

        Raises:
            MissingData: saying how to get them.
        """
        return self._dataset.splits()

    def check_available(self) -> None:
        """Look whether the files of the data are there, without reading them.

        Raises:
            MissingData: saying how to get them.
        """
        self._dataset.check_available()

    @cached_property
    def task(self) -> Task:
        """Loss and metrics; checked against the data set."""
        task: Task = self._make("task", class_names=self.spec.class_names)
        with located("task", "task"):
            task.check(self.spec)
        return task

    @cached_property
    def measures(self) -> dict[str, Measure]:
        """What is looked at once the net is trained, by name."""
        return self._several("measure")

    @cached_property
    def penalties(self) -> dict[str, Penalty]:
        """What draws the net, whichever it is, to a symmetry, by name."""
        return self._several("penalty")

    @cached_property
    def probes(self) -> dict[str, Probe]:
        """What is looked at after every epoch, by name."""
        return self._several("probe")

    def trainer(
        self,
        folder: Path,
        tracker: Tracker | None,
        probe: Callable[[nn.Module], Mapping[str, float]] | None = None,
    ) -> Trainer:
        """The trainer; it goes on from the checkpoint in its folder, if there is one.

        Args:
            folder: of the run.
            tracker: of the run.
            probe: asked after each epoch.
        """
        section = self._sections["train"]
        resume = folder if has_checkpoint(folder) else None
        arguments = {**section.arguments, **self._offers(section), "resume": resume}
        section = replace(section, arguments=arguments)
        given = {"run_folder": folder, "tracker": tracker, "seed": self.config.seed}
        given |= {"probe": probe, "further_penalties": tuple(self.penalties.values())}
        return self._construct(section, given)

    def tracker(
        self, folder: Path, *, name: str, group: str | None, about: Mapping[str, Any]
    ) -> Tracker:
        """The tracker of a run.

        Args:
            folder: of the run.
            name: of the run.
            group: of the study or sweep that it belongs to.
            about: what stands beside the config.
        """
        values: Any = OmegaConf.to_container(self.config, resolve=True)
        config = {**values, "about": dict(about)}
        given = {"run_folder": folder, "name": name, "group": group, "config": config}
        return self._construct(self._sections["tracking"], given)

    def _offers(self, train: Component) -> dict[str, Any]:
        """The penalties and rates of a training, without those of a relaxation that is off: what is
        common to several runs may name them, also for a net that is not partial."""
        off = cast(type[Relaxation], self._sections["relaxation"].target)
        known = {"penalties": offered_penalties(self.model), "rates": offered_rates(self.model)}
        own = {"penalties": off.penalties, "rates": off.rates}
        return {
            kind: {
                name: value
                for name, value in train.arguments.get(kind, {}).items()
                if name in known[kind] or name not in own[kind]
            }
            for kind in known
        }

    @cached_property
    def _dataset(self) -> Made:
        return self._make("dataset")

    def _several(self, section: str) -> dict[str, Made]:
        return {
            name.removeprefix(f"{section}."): self._construct(each, {})
            for name, each in self._sections.items()
            if name.startswith(f"{section}.")
        }

    def _make(self, name: str, **given: object) -> Made:
        return self._construct(self._sections[name], given)

    def _construct(self, component: Component, given: Mapping[str, object]) -> Made:
        return component.construct({**given, "trained_net": _trained_net}, self._sections)


def _trained_net(folder: Path) -> nn.Module:
    return Build.of_finished(folder).model
