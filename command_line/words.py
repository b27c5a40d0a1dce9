"""The words of the command line: resumed runs and sweeps."""

import logging
import re
from collections.abc import Container, Sequence
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from command_line.spelling import PLACES
from composition import Composition
from config_schema import ConfigError
from config_schema.quoting import quoted
from config_schema.words import HYDRA_ERRORS
from run_folder import has_checkpoint, read_overrides

__all__ = ["continued", "jobs", "postponed"]

SEVERAL = ("measure", "probe", "penalty")  # sections of which one chooses several options

log = logging.getLogger(__name__)


def continued(words: Sequence[str]) -> list[str]:
    """The words, and if `train.resume` is among them, those that the run was started with.

    Words given now replace those of the same key; with other measures, probes or penalties, the
    settings of the former ones go, too. Hydra is sent to the same folder. The folder may be a
    stranger's: only plain values of our own sections are taken from it.

    Raises:
        ConfigError: if there is no run to continue in the folder, or its words cannot be read.
    """
    parser = OverridesParser.create()
    now = {parser.parse_override(word).get_key_element().lstrip("+~"): word for word in words}
    if "train.resume" not in now:
        return list(words)
    value = parser.parse_override(now["train.resume"]).value()
    if value is None:
        return list(words)
    folder = Path(str(value)).absolute()
    if not has_checkpoint(folder):
        state = "has no checkpoint" if folder.is_dir() else "does not exist"
        raise ConfigError(f"train.resume={value}: the run folder {state}")
    kept: list[str] = []
    left: list[str] = []
    for word in read_overrides(folder):
        try:
            key = parser.parse_override(word).get_key_element().lstrip("+~")
        except (HydraException, ValueError, TypeError):
            raise ConfigError(f"{folder}: its overrides.yaml is damaged at {word!r}") from None
        if not _is_replaced(key, now):
            (kept if _is_plain(key, word) else left).append(word)
    if left:
        log.warning(
            "not taken from the run folder, say it again if it is meant: %s", "  ".join(left)
        )
    return [*kept, *words, f"hydra.run.dir={quoted(folder)}"]


def _is_replaced(key: str, now: Container[str]) -> bool:
    """Whether words given now speak of a key, or choose anew of what it is a setting."""
    section = key.partition(".")[0]
    return key in now or (section in SEVERAL and section in now)


def _is_plain(key: str, word: str) -> bool:
    """Whether a word of a run folder says something of the experiment, and nothing else.

    Not: settings of Hydra, what reads the environment, places, other files, code from elsewhere,
    and where the run is shown (but that it is not shown). The runs that it builds on are taken:
    nothing of theirs is carried out or written, their weights are read.
    """
    section = re.split(r"[./@]", key)[0]
    if word == "tracking=none":
        return True
    if section in ("hydra", "tracking", "packages") or PLACES.fullmatch(key):
        return False
    return not ("${" in word or ".." in word)


def postponed(words: Sequence[str], composition: Composition) -> list[str]:
    """The words of a sweep, with those that fit only what is swept over as sweeps of one value.

    Hydra composes a config from the words that are not swept over, and `dataset.root=X` fits none
    of the data sets of `dataset=mnist,pcam` before one of them is chosen.
    """
    overrides = OverridesParser.create().parse_overrides(list(words))
    plain = [each for each in overrides if not each.is_sweep_override()]
    if _is_composed([str(each.input_line) for each in plain], composition):
        return list(words)
    result = []
    for override in overrides:
        word = str(override.input_line)
        valued = not (override.is_hydra_override() or override.is_delete())
        key, _, value = word.partition("=")
        late = override in plain and valued and not _is_composed([word], composition)
        result.append(f"{key}=choice({value})" if late else word)
    return result


def _is_composed(words: Sequence[str], composition: Composition) -> bool:
    try:
        composition.config(words)
    except HYDRA_ERRORS:
        return False
    return True


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
