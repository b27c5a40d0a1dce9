"""From a config to objects: the only reader of the config.

    compose(["net=gcnn", …])   the config that main.py would see
    construct_model(config)    its nn.Module
    Build(config)              net, data, task, trainer, measures and tracker of a run
    matched(config)            it, with the width that `net.parameters` asks for
    load_run(folder)           a finished run: its trained net, and what it was built from

Each section names a class and lists its arguments (see `config_schema`); what a config cannot say,
because it follows from another section or from the run, is handed in here by name.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import torch
import yaml
from omegaconf import DictConfig, OmegaConf
from torch import nn

from budget import building, try_out
from composition import CONFIG_FOLDER, Composition
from config_schema import ConfigError
from config_schema.components import Component, Made
from config_schema.signatures import read
from config_schema.targets import resolve
from contracts import CONTRACTS
from datasets.spec import DataSpec, Splits
from matching import CHANNELS, PARAMETERS, asked, chosen, matching
from measures.measure import Measure, Probe
from partial_equiv.gconv.initialisation import any_scale
from partial_equiv.penalties import Penalty
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations import Relaxation
from run_folder import has_checkpoint, read_config, read_finished
from tasks import Task
from tracking import Tracker
from trainer import Trainer
from training.offers import offered_penalties, offered_rates
from training.snapshots import load_best

__all__ = [
    "Build",
    "LoadedRun",
    "check",
    "components",
    "compose",
    "construct_model",
    "load_run",
    "matched",
]

INJECTED: Mapping[str, tuple[str, ...]] = {
    "dataset": (),
    "task": ("class_names",),
    "net": (
        *("in_channels", "num_outputs", "size", "num_views", "kernel"),
        *("lifting", "conv", "pointwise", "averaged"),
    ),
    "conv": ("in_channels", "out_channels", "kernel", "sampling", "relaxation"),
    "kernel": ("in_coordinates", "out_channels", "in_channels"),
    "base_group": (),
    "relaxation": ("layer",),
    "train": ("run_folder", "tracker", "seed", "probe", "further_penalties"),
    "penalty": (),
    "measure": (),
    "probe": (),
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
    """The checked sections of a config; with debug=True, shortened as cfg/debug.yaml says.

    Raises:
        ConfigError: naming every problem, one line each.
    """
    sections = read(config, INJECTED, CONTRACTS)
    if not config.debug:
        return sections
    limits = yaml.safe_load((CONFIG_FOLDER / "debug.yaml").read_text())
    return {
        name: _shortened(section, limits.get(name.partition(".")[0], {}))
        for name, section in sections.items()
    }


def matched(config: DictConfig, folder: Path | None = None) -> DictConfig:
    """A config whose net is as wide as its `net.parameters` asks for, and that asks no more.

    Args:
        config: as composed.
        folder: of a run: if it asked for the same number, what it chose is taken.

    Raises:
        ConfigError: if no net comes within 1 % of the number, and as `components` does.
    """
    node = OmegaConf.select(config, "net")
    wanted = asked(OmegaConf.to_container(node)) if OmegaConf.is_dict(node) else {}
    if not wanted:
        return config
    components(config)
    if len(wanted) > 1:
        raise ConfigError(f"{' and '.join(wanted)}: only one of them can choose {CHANNELS}")
    ((key, number),) = wanted.items()

    def of(settings: Mapping[str, Any]) -> DictConfig:
        changed = copy.deepcopy(config)
        OmegaConf.set_readonly(changed, False)
        for name, value in {**settings, PARAMETERS: None}.items():
            OmegaConf.update(changed, f"{key}.{name}", value, force_add=True)
        OmegaConf.set_readonly(changed, OmegaConf.is_readonly(config))
        return changed

    known = (read_config(folder) if folder else None) or {}
    if settings := chosen(known.get("net"), key, number):
        return of(settings)
    node = OmegaConf.select(config, key)
    start, widths = node.get(CHANNELS) or 1, list(node.get("widths") or [])

    def count(settings: Mapping[str, Any]) -> int:
        try:
            with _located(f"{key}.{PARAMETERS}={number}"), building(), any_scale():
                model = Build(of(settings)).model
        except ConfigError as error:
            if settings[CHANNELS] >= start:
                made = f"with {CHANNELS}={settings[CHANNELS]}, {error}"
                raise ConfigError(f"{key}.{PARAMETERS}={number}: {made}") from error
            return 0  # a layer of a small share of the channels has none left
        return sum(parameter.numel() for parameter in model.parameters())

    return of(matching(key, number, count, start, widths))


def construct_model(config: DictConfig) -> nn.Module:
    """The net of a config, initialised from its seed; reads no data.

    Raises:
        ConfigError: naming every problem, also settings that do not go together.
    """
    return Build(config).model


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
    with _located("net"), building():
        model = build.model
    with _located("net"):
        images = config.train.get("batch_size", 1)
        step = try_out(model, build.shown.in_channels, build.shown.size, images)
    task = build.task
    for section, parts in (("measure", build.measures), ("probe", build.probes)):
        for name, part in parts.items():
            with _located(f"{section}={name}", f"{section}.{name}"):
                part.check(model, build.spec, task)
    for name, penalty in build.penalties.items():
        with _located(f"penalty={name}", f"penalty.{name}"):
            penalty.check(model, task.symmetry(build.shown))
    trainer = build.trainer(Path(), None)
    trainer.check(model)
    with _located("train", "train"):
        device = trainer.chosen_device()
    build.check_available()
    return Checked(sum(each.numel() for each in model.parameters()), device, step)


class Build:
    """The parts of a run, each one made when it is first asked for.

    A part's property refuses settings that do not go together with a ConfigError.
    """

    def __init__(self, config: DictConfig) -> None:
        self._config = matched(config)
        self._sections = components(self._config)

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
            torch.manual_seed(self._config.seed)
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
        return bool(self._config.get("test", True))

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
        return self._dataset.spec

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
        with _located("task", "task"):
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
        given = {"run_folder": folder, "tracker": tracker, "seed": self._config.seed}
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
        values: Any = OmegaConf.to_container(self._config, resolve=True)
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


@dataclass(frozen=True)
class LoadedRun:
    """A finished run.

    Attributes:
        model: with its best weights, in evaluation mode, frozen, on the CPU.
        config: as it was run, resolved.
        build: makes the run's other parts, such as `build.splits`.
        folder: of the run.
    """

    model: nn.Module
    config: DictConfig
    build: Build
    folder: Path

    @property
    def spec(self) -> DataSpec:
        """Of its data."""
        return self.build.spec


def load_run(folder: str | Path) -> LoadedRun:
    """The trained net of a finished run, with what it was built from; reads no data.

    Raises:
        ConfigError: if there is no finished run in the folder, or one that this program refuses.
        Refusal: if its checkpoint is damaged, or of another net.
    """
    folder = Path(folder)
    config = matched(OmegaConf.create(read_finished(folder)), folder)
    build = Build(config)
    load_best(build.model, folder)
    return LoadedRun(build.model.eval().requires_grad_(False), config, build, folder)


def _trained_net(folder: Path) -> nn.Module:
    return load_run(folder).model


@contextmanager
def _located(key: str, section: str | None = None) -> Iterator[None]:
    """Say of a complaint which key it is about: one of the section's settings, if it names one."""
    try:
        yield
    except ConfigError:
        raise
    except ValueError as error:
        named = section is not None and isinstance(error, Refusal) and error.settings
        raise ConfigError(f"{section}.{error}" if named else f"{key}: {error}") from None


def _shortened(component: Component, limits: Mapping[str, Any]) -> Component:
    """A component, and those within it, with settings that a dry run limits.

    Numbers are upper bounds, and in place of None; all else replaces what was set.
    """
    arguments = {
        name: _shortened(value, limits) if isinstance(value, Component) else value
        for name, value in component.arguments.items()
    }
    for name in limits.keys() & component.parameters.keys():
        limit, default = limits[name], component.parameters[name].default
        value = arguments.get(name, default)
        number = isinstance(limit, int | float) and not isinstance(limit, bool)
        least = number and isinstance(value, int | float) and value < limit
        arguments[name] = value if least else limit
    return replace(component, arguments=arguments)
