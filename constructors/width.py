"""The width of a net that is asked for a number of parameters, see `matching`."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from torch import nn

from budget import building
from config_schema.complaints import ConfigError, located
from constructors.sections import components
from matching import CHANNELS, PARAMETERS, asked, chosen, matching
from partial_equiv.gconv.initialisation import any_scale
from run_folder import read_config

__all__ = ["widened"]


def widened(
    config: DictConfig, construct_model: Callable[[DictConfig], nn.Module], folder: Path | None
) -> DictConfig:
    """As `constructors.matched`.

    Args:
        config, folder: as there.
        construct_model: makes the net of a config that asks no more.

    Raises:
        ConfigError: as there.
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
            with located(f"{key}.{PARAMETERS}={number}"), building(), any_scale():
                model = construct_model(of(settings))
        except ConfigError as error:
            if settings[CHANNELS] >= start:
                made = f"with {CHANNELS}={settings[CHANNELS]}, {error}"
                raise ConfigError(f"{key}.{PARAMETERS}={number}: {made}") from error
            return 0  # a layer of a small share of the channels has none left
        return sum(parameter.numel() for parameter in model.parameters())

    return of(matching(key, number, count, start, widths))
