"""One job of the command line: claim the run folder, run the routine, leave the result.

Hydra calls `job` once a run, and once a job of a sweep, perhaps in a worker process. In a sweep it
does not raise for a failure, so that the other jobs go on; what says whether a job is done is the
result in its folder.
"""

import logging
import multiprocessing
import os
import sys
from pathlib import Path
from typing import Any

from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from composition import CONFIG_FOLDER, Composition
from config_schema import ConfigError, complaint
from config_schema.quoting import typed
from run_folder import (
    claim,
    difference,
    folder_name,
    is_begun,
    is_done,
    write_config,
    write_result,
)

__all__ = ["job"]

log = logging.getLogger(__name__)


def job(config: DictConfig) -> None:
    """Run what the config says, in Hydra's output folder.

    Raises:
        SystemExit: for a failure that is no bug, outside of a sweep, after one line about it.
        KeyboardInterrupt: if the run was interrupted.
    """
    hydra = HydraConfig.get()
    sweep = hydra.mode == RunMode.MULTIRUN
    folder = Path(hydra.runtime.output_dir)
    if multiprocessing.get_start_method(allow_none=True) == "loky":  # in a worker of joblib, whose
        multiprocessing.set_start_method("spawn", force=True)  # method no further process knows
    try:
        with claim(folder):
            _run(config, folder, sweep=sweep)
    except KeyboardInterrupt:
        place = os.path.relpath(folder)
        word = typed("train.resume", place)
        saved = f"{word} continues the run" if is_begun(folder) else "not saved"
        log.warning("interrupted; %s", saved)
        raise
    except Exception as error:
        reason = complaint(error)
        if reason is None and not sweep:
            raise
        if reason is None:
            log.exception("failed: %s", folder)
        else:
            log.error("%s", reason)
        if not sweep:
            sys.exit(1)


def _run(config: DictConfig, folder: Path, *, sweep: bool) -> None:
    hydra = HydraConfig.get()
    values: Any = OmegaConf.to_container(config, resolve=True)
    if is_done(folder) or is_begun(folder):
        continued = OmegaConf.select(config, "train.resume") is not None
        if not (sweep or continued):
            raise ConfigError(
                f"hydra.run.dir={folder}: holds a run; {typed('train.resume', folder)} continues it"
            )
        if other := difference(folder, values, continued=continued):
            raise ConfigError(f"{other}; choose another folder")
        if is_done(folder) and sweep:
            log.info("skipped, it has a result: %s", os.path.relpath(folder))
            return
    from constructors import run_routine  # seconds to import; a skipped job does without

    words = list(hydra.overrides.task)
    write_config(folder, values, words)
    result = run_routine(
        _composition(hydra),
        words,
        folder,
        name=folder.name if sweep else folder_name(words),
        group="/".join(Path(hydra.sweep.dir).parts[-2:]) if sweep else None,
    )
    write_result(folder, result)
    for key, value in result.items():
        log.info("%-24s %s", key, f"{value:.4g}" if isinstance(value, float) else value)
    log.info("run folder: %s", os.path.relpath(folder))


def _composition(hydra: HydraConf) -> Composition:
    """The config files that this job was composed from."""
    places = {
        source.provider: Path(source.path)
        for source in hydra.runtime.config_sources
        if source.schema == "file"
    }
    folder = places.pop("main", CONFIG_FOLDER)
    return Composition(folder, hydra.job.config_name or "config", tuple(places.values()))
