"""The sections of a config: composed from words, checked, and shortened for a dry run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import yaml
from omegaconf import DictConfig

from composition import CONFIG_FOLDER, Composition
from config_schema.components import Component
from config_schema.signatures import read
from contracts import CONTRACTS

__all__ = ["INJECTED", "components", "compose"]

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
"""By section: the arguments that the constructors give it, beside those of the config."""


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
