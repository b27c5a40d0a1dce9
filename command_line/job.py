"""One job of the command line: claim the run folder, run, leave the result.

Hydra calls `job` once a run, and once a job of a sweep, perhaps in a worker process. In a sweep it
does not raise for a failure, so that the other jobs go on; what says whether a job is done is the
result in its folder.
"""

import logging
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from command_line.importing import importing_torch
from command_line.naming import name_of
from command_line.taking_part import lead, nobody_needs_to_train, train_along
from command_line.workers import Worker
from config_schema import ConfigError, complaint
from config_schema.quoting import typed
from run_folder import (
    Occupied,
    claim,
    difference,
    forget_failure,
    has_checkpoint,
    is_done,
    write_config,
    write_failure,
    write_result,
)
from studies.folder import is_study, read_study_folder
from together import team

__all__ = ["job"]

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds for which what ran here before the job was started again may still save
WORKER = Worker()


def job(config: DictConfig) -> None:
    """Run what the config says, in Hydra's output folder.

    Raises:
        SystemExit: for a failure that is no bug, outside of a sweep, after one line about it.
        KeyboardInterrupt: if the run was interrupted.
    """
    logging.raiseExceptions = False  # of a log file on a full disk, only the lines are lost
    hydra = HydraConfig.get()
    sweep = hydra.mode == RunMode.MULTIRUN
    folder = Path(hydra.runtime.output_dir)
    again = sweep or "SLURM_RESTART_COUNT" in os.environ
    others = team()
    try:
        if others is not None and others.rank:  # a task of submitit's, of which the first leads
            train_along(lambda: config)
            return
        with (
            WORKER.job(),
            nullcontext() if others is None else others.failing_together(),
            claim(folder, patience=PATIENCE if again else 0.0),
        ):
            _run(config, folder, sweep=sweep)
    except KeyboardInterrupt:
        place = os.path.relpath(folder)
        word = typed("train.resume", place)
        saved = f"{word} continues the run" if has_checkpoint(folder) else "not saved"
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
        if sweep and not isinstance(error, Occupied):  # the folder is another one's
            write_failure(folder, reason or f"{type(error).__name__}: {error}")
        if not sweep:
            sys.exit(1)


def _run(config: DictConfig, folder: Path, *, sweep: bool) -> None:
    hydra = HydraConfig.get()
    values: Any = OmegaConf.to_container(config, resolve=True)
    if is_done(folder) or has_checkpoint(folder):
        continued = OmegaConf.select(config, "train.resume") is not None
        if is_done(folder) and not (sweep or continued):
            word = typed("train.resume", folder)
            raise ConfigError(f"hydra.run.dir={folder}: holds a finished run; {word} continues it")
        if other := difference(folder, values, continued=continued):
            raise ConfigError(f"{other}; choose another folder")
        if is_done(folder) and sweep:
            log.info("skipped, it has a result: %s", os.path.relpath(folder))
            nobody_needs_to_train()
            return
    with importing_torch():  # a skipped job does without
        import torch

        from constructors import matched
        from matching import asked, noted
        from provenance import provenance

    words = list(hydra.overrides.task)
    top = Path(hydra.sweep.dir)
    if study := is_study(top):  # the same results, however many of its runs are made at once
        torch.set_num_threads(1)
    forget_failure(folder)
    config = matched(config, folder)
    chosen = {
        group: option
        for group, option in hydra.runtime.choices.items()
        if option and not str(group).startswith("hydra")
    }
    about = {"chosen": chosen, **provenance()}
    written: Any = OmegaConf.to_container(config, resolve=True)
    written["net"] = noted(written["net"], asked(values["net"]))
    write_config(folder, written, words, about)
    result = lead(
        config,
        folder,
        name=str(folder.relative_to(top.absolute()))
        if study
        else name_of(chosen, words, config.seed),
        group="/".join(top.parts[-2:]) if sweep else None,
        about=about,
    )
    from analysis.report import leave_report  # not before the training begins

    write_result(folder, result)
    leave_report(folder)
    for key, value in result.items():
        log.info("%-24s %s", key, f"{value:.4g}" if isinstance(value, float) else value)
    log.info("run folder: %s", os.path.relpath(folder))
    if study:
        log.info("%s", read_study_folder(top).progress(hydra.sweeper.get("jobs"), ended=1))
