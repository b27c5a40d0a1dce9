"""From a config to objects: the only reader of the config.

    compose(["net=gcnn", …])   the config that main.py would see
    construct_model(config)    its nn.Module
    run_routine(…)             the result of the routine that it names

Each section names a class or function and lists its arguments (see `config_schema`); what a config
cannot say, because it follows from another section or from the run, is handed in here by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from budget import building, try_out
from composition import Composition
from config_schema import ConfigError
from config_schema.components import Component, Made
from config_schema.signatures import read
from config_schema.targets import resolve
from config_schema.words import HYDRA_ERRORS, refusal
from contracts import CONTRACTS
from datasets.spec import DataSpec, Splits
from partial_equiv.refusal import Refusal
from run_folder import folder_name, has_checkpoint, read_finished
from tasks import Task
from tracking import JsonTracker, Tracker
from trainer import Trainer

__all__ = ["Build", "Run", "components", "compose", "construct_model", "run_routine"]

INJECTED: Mapping[str, tuple[str, ...]] = {
    "dataset": (),
    "task": (),
    "net": (
        *("in_channels", "num_classes", "size", "kernel"),
        *("lifting", "conv", "pointwise", "averaged"),
    ),
    "conv": ("in_channels", "out_channels", "kernel", "sampling"),
    "kernel": ("in_coordinates", "out_channels", "in_channels"),
    "base_group": ("partial", "in_channels"),
    "train": ("run_folder", "tracker", "seed", "debug", "probe"),
    "routine": ("build", "tracker", "run_folder", "debug"),
    "tracking": ("run_folder", "name", "group", "config"),
}
LAYERS = {  # made with the settings of the section conv, as far as they have them
    "lifting": "partial_equiv.gconv.LiftingConv",
    "pointwise": "partial_equiv.gconv.PointwiseConv",
    "averaged": "partial_equiv.gconv.AveragedConv",
}


def compose(overrides: Sequence[str] = ()) -> DictConfig:
    """The config that `python main.py` would see with these words after it.

    Raises:
        hydra.errors.HydraException: for words that Hydra cannot use.
    """
    return Composition().config(overrides)


def components(config: DictConfig) -> dict[str, Component]:
    """The checked sections of a config.

    Raises:
        ConfigError: naming every problem, one line each.
    """
    return read(config, INJECTED, CONTRACTS)


def construct_model(config: DictConfig) -> nn.Module:
    """The net of a config, initialised from its seed; reads no data.

    Raises:
        ConfigError: naming every problem, also settings that do not go together.
    """
    return Build(config).model


def check(config: DictConfig) -> None:
    """Refuse a config that cannot be constructed, before anything is written or read.

    Raises:
        ConfigError: naming every wrong value; if there is none, settings that clash.
    """
    build = Build(config)
    build.check_windows()
    try:
        with building():
            model = build.model
        try_out(model, build.spec.in_channels, build.spec.size)
    except ConfigError:
        raise
    except Refusal as error:
        raise ConfigError(f"net: {error}") from error
    _ = build.task
    build._make("train", run_folder=Path(), tracker=None, seed=0, debug=False)


class Build:
    """The parts of a run, each one made when it is first asked for.

    A part's property raises ConfigError for settings that do not go together.
    """

    def __init__(self, config: DictConfig, run: "Run | None" = None) -> None:
        self._config, self._run = config, run
        self._sections = components(config)

    @cached_property
    def model(self) -> nn.Module:
        """The net, initialised from the config's seed."""
        conv, spec = self._sections["conv"], self.spec
        given = {"kernel": self._make("kernel"), "sampling": self._make("base_group")}
        layers = {name: conv.retargeted(resolve(path)) for name, path in LAYERS.items()}
        with torch.random.fork_rng():
            torch.manual_seed(self._config.seed)
            return self._make(
                "net",
                in_channels=spec.in_channels,
                num_classes=spec.num_outputs,
                size=spec.size,
                kernel=given["kernel"],
                conv=self._construct(conv, given),
                **{name: self._construct(layer, given) for name, layer in layers.items()},
            )

    def check_windows(self) -> None:
        """Refuse windows that no two pixels of an image are far enough apart for.

        Raises:
            ConfigError: naming the setting.
        """
        most = 2 * max(self.spec.size) + 1
        for section in (self._sections["conv"], self._sections["net"]):
            for name, value in section.arguments.items():
                sized = name.endswith(("kernel_size", "padding")) and isinstance(value, int)
                if sized and value > most:
                    reason = f"more than {most} serve no image of {max(self.spec.size)} pixels"
                    raise ConfigError(f"{section.key}.{name}={value}: {reason}")

    @property
    def spec(self) -> DataSpec:
        """What a net must know of the data, which are not read for it."""
        return self._dataset.spec

    @cached_property
    def splits(self) -> Splits:
        """The data.

        Raises:
            MissingData: saying how to get them.
        """
        return self._dataset.splits()

    @cached_property
    def task(self) -> Task:
        """Loss and metrics; checked against the data set."""
        task: Task = self._make("task")
        try:
            task.check(self.spec)
        except ValueError as error:
            raise ConfigError(f"task: {error}") from None
        return task

    @cached_property
    def trainer(self) -> Trainer:
        """The trainer; it goes on from the checkpoint in its folder, if there is one."""
        assert self._run is not None, "a trainer needs a run folder"
        folder, section = self._run.folder, self._sections["train"]
        resume = folder if has_checkpoint(folder) else None
        section = replace(section, arguments={**section.arguments, "resume": resume})
        given = self._run.given | {"seed": self._config.seed, "debug": self._config.debug}
        return self._construct(section, given)

    @cached_property
    def _dataset(self) -> Made:
        section = self._sections["dataset"]
        return self._construct(_offline(section) if self._config.debug else section, {})

    def _make(self, name: str, **given: object) -> Made:
        return self._construct(self._sections[name], given)

    def _construct(self, component: Component, given: Mapping[str, object]) -> Made:
        return component.construct(given, self._sections)


@dataclass(frozen=True)
class Run:
    """A run: the words that it was started with, its folder and its tracker.

    Called by a routine, with further words, it composes afresh; a run inside the run has its own
    folder in the run's folder, named by the words. A word that chooses another option of a group
    (net=vae_small) takes the place of all that was said about that group. Raises ConfigError for
    words that cannot be used.
    """

    composition: Composition
    overrides: tuple[str, ...]
    folder: Path
    tracker: Tracker

    def __call__(self, *overrides: str) -> Build:
        words = [*_still_meant(self.overrides, overrides), *overrides]
        try:
            config = self.composition.config(words)
        except HYDRA_ERRORS as error:
            raise refusal(error, words, self.composition) from error
        folder = self.folder / folder_name(overrides) if overrides else self.folder
        return Build(config, replace(self, folder=folder))

    def finished(self, folder: Path) -> Build:
        """Another run, which is finished, by the config in its folder; its net is untrained.

        Raises:
            ValueError: if there is none.
        """
        config = OmegaConf.create(read_finished(folder))
        return Build(config, replace(self, folder=folder))

    @property
    def given(self) -> dict[str, object]:
        """What a trainer or a routine may ask for."""
        return {"run_folder": self.folder, "tracker": self.tracker}


def _offline(dataset: Component) -> Component:
    """The same data set, and what it is made from, without any download."""
    arguments = {
        name: _offline(value) if isinstance(value, Component) else value
        for name, value in dataset.arguments.items()
    }
    if "download" in dataset.parameters:
        arguments["download"] = False
    return replace(dataset, arguments=arguments)


def _still_meant(words: Sequence[str], further: Sequence[str]) -> list[str]:
    """The words that say nothing about a group for which a further word chooses an option."""
    keys = (word.partition("=")[0] for word in further)
    chosen = {key for key in keys if "." not in key}
    return [word for word in words if word.lstrip("+~").split("=")[0].split(".")[0] not in chosen]


def run_routine(
    composition: Composition,
    overrides: Sequence[str],
    folder: Path,
    *,
    name: str,
    group: str | None = None,
) -> dict[str, Any]:
    """Run the routine that a config names, and return its result: flat figures.

    Args:
        composition: where the config files are.
        overrides: the words that change them.
        folder: the run folder.
        name: of the run, in its tracker.
        group: of the sweep that the run belongs to.
    """
    config = composition.config(overrides)
    sections = components(config)
    section = sections["tracking"]
    if config.debug:  # no network: the numbers go to the run folder alone
        section = Component("tracking", JsonTracker, {})
    values = OmegaConf.to_container(config, resolve=True)
    about = {"run_folder": folder, "name": name, "group": group, "config": values}
    tracker = section.construct(about, sections)
    run = Run(composition, tuple(overrides), folder, tracker)
    result: dict[str, Any] = {}
    try:
        routine = sections["routine"]
        given = run.given | {"build": run, "debug": config.debug}
        result = routine.target(**routine.bound(given, sections))
    finally:
        tracker.finish(result)
    return result
