"""Preparation: every word is checked, and folders are made, before anything runs."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from command_line.announcement import announce_run, announce_runs, say
from command_line.importing import importing_torch
from command_line.spelling import spelled
from command_line.study import StudyRun, study_run
from command_line.sweep import Sweep
from command_line.words import continued, jobs, postponed
from composition import CONFIG_FOLDER, Composition
from config_schema import ConfigError
from config_schema.hydra_keys import objections
from config_schema.quoting import quoted
from config_schema.words import HYDRA_ERRORS, refusal

__all__ = ["Prepared", "composition_of", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """The overrides that Hydra is to see, and the many runs that they make, if they do."""

    overrides: list[str]
    runs: Sweep | StudyRun | None


def prepare(arguments: Namespace) -> Prepared:
    """Check Hydra's parsed arguments as Hydra would, and further.

    Raises:
        ConfigError: naming every problem, one line each.
        OSError: if the output folder cannot be made.
    """
    composition = composition_of(arguments)
    multirun = arguments.multirun or "hydra.mode=MULTIRUN" in arguments.overrides
    given = overrides = spelled(arguments.overrides, sweep=multirun)
    if problems := list(objections(given)):
        raise ConfigError("\n".join(problems))
    try:
        overrides = continued(given)
        if multirun and overrides != given:
            raise ConfigError("train.resume: continues one run; a sweep needs its hydra.sweep.dir")
        study = None if multirun else study_run(overrides, composition)
        if study is not None and not arguments.cfg:
            study.folder.begin()
            return Prepared(study.overrides, study)
        overrides = postponed(overrides, composition) if multirun else overrides
        sets = jobs(overrides, composition) if multirun else [overrides]
        configs = [composition.config(each, with_hydra=True) for each in sets]
        sweep = Sweep.of(configs) if multirun else None
        place = sweep.folder if sweep else Path(configs[0].hydra.run.dir).absolute()
    except ConfigError:
        raise
    except HYDRA_ERRORS as error:
        raise refusal(error, overrides, composition, sweep=multirun) from error
    if arguments.cfg:
        return Prepared(overrides, sweep)
    if any(each.get("packages") for each in configs) and not any("packages=" in e for e in given):
        raise ConfigError("packages: is for the command line only, a file cannot say it")
    if sweep:
        announce_runs(len(configs), place)
    else:
        announce_run(configs[0], overrides, place)
    _check(configs, sweep=multirun)
    place.mkdir(parents=True, exist_ok=True)
    key = "hydra.sweep.dir" if sweep else "hydra.run.dir"  # not named by the time once more
    return Prepared([*overrides, f"{key}={quoted(place)}"], sweep)


def composition_of(arguments: Namespace) -> Composition:
    """The config files that Hydra's arguments name.

    Raises:
        ConfigError: if a folder is not there.
    """
    folder = CONFIG_FOLDER.parent / (arguments.config_path or CONFIG_FOLDER)
    further = [Path(each).absolute() for each in [arguments.config_dir] if each]
    if "/" in (arguments.config_name or ""):
        group, _, option = arguments.config_name.rpartition("/")
        raise ConfigError(f"--config-name={group}/{option}: is an option, write {group}={option}")
    for place in [folder, *further]:
        if not place.is_dir():
            raise ConfigError(f"{place}: there is no such folder of configs")
    return Composition(folder, arguments.config_name or "config", tuple(further))


def _check(configs: Sequence[DictConfig], *, sweep: bool) -> None:
    """Refuse what cannot be run. (In a sweep, settings that clash fail their own job only.)"""
    with importing_torch():
        from constructors import check, components, matched

    problems: dict[str, None] = {}  # in order, each once
    for config in configs:
        sections = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
        try:
            if sweep:
                components(sections)
            else:
                say(str(check(matched(sections, Path(config.hydra.run.dir)))))
        except ConfigError as error:
            problems |= dict.fromkeys(str(error).splitlines())
    if problems:
        raise ConfigError("\n".join(problems))
