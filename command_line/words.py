"""The words of the command line: resumed runs and sweeps."""

from collections.abc import Container, Sequence
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

from composition import Composition, quoted
from config_schema import ConfigError
from run_folder import has_checkpoint, read_overrides

__all__ = ["continued", "jobs"]


def continued(words: Sequence[str]) -> list[str]:
    """The words, and if `train.resume` is among them, those that the run was started with.

    Words given now replace those of the same key; with other measures or probes, the settings of
    the former ones go, too. Hydra is sent to the same folder.

    Raises:
        ConfigError: if there is no run to continue in the folder.
    """
    parser = OverridesParser.create()
    now = {parser.parse_override(word).get_key_element(): word for word in words}
    if "train.resume" not in now:
        return list(words)
    value = parser.parse_override(now["train.resume"]).value()
    if value is None:
        return list(words)
    folder = Path(str(value)).absolute()
    if not has_checkpoint(folder):
        state = "has no checkpoint" if folder.is_dir() else "does not exist"
        raise ConfigError(f"train.resume={value}: the run folder {state}")
    kept = [
        word
        for word in read_overrides(folder)
        if not _is_replaced(parser.parse_override(word).get_key_element(), now)
    ]
    return [*kept, *words, f"hydra.run.dir={quoted(folder)}"]


def _is_replaced(key: str, now: Container[str]) -> bool:
    """Whether words given now speak of a key, or choose other measures than it is a setting of."""
    section = key.partition(".")[0]
    return key in now or (section in ("measure", "probe") and section in now)


def jobs(words: Sequence[str], composition: Composition) -> list[list[str]]:
    """The words of each job of a sweep, in Hydra's order.

    Raises:
        hydra.errors.HydraException: for words that cannot be read.
    """
    with composition.loader() as loader:
        overrides = OverridesParser.create(loader).parse_overrides(list(words))
        plain = [str(each.input_line) for each in overrides if not each.is_sweep_override()]
        params = composition.config(plain, with_hydra=True).hydra.sweeper.get("params") or {}
        swept = OverridesParser.create(loader).parse_overrides(
            [f"{key}={value}" for key, value in params.items()]
        )
        swept += [each for each in overrides if not each.is_hydra_override()]
        mine = [str(each.input_line) for each in overrides if each.is_hydra_override()]
        return [[*mine, *job] for job in BasicSweeper.split_arguments(swept, None)[0]]
