"""The processes of one run: the first one leads, and leaves the results; others train along.

They are started by torchrun or srun, with the same words, or for train.devices=N by the first one.
"""

import logging
import re
import warnings
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import configure_log
from omegaconf import DictConfig, OmegaConf

from command_line.preparation import composition_of
from command_line.spelling import spelled
from command_line.words import continued
from config_schema import ConfigError
from run_folder import has_checkpoint
from together import start, team

__all__ = ["lead", "nobody_needs_to_train", "together", "train_along"]

SEVERAL_RUNS = re.compile(r"study=|hydra\.mode=MULTIRUN")


def lead(config: DictConfig, folder: Path, **named: Any) -> dict[str, Any]:  # noqa: ANN401
    """Run what the config says in a folder, with as many processes as it is to have.

    Args:
        config: of the run.
        folder: of the run.
        named: what else `run.run` is told.

    Returns:
        The final figures.
    """
    from constructors import Build
    from run import run

    size = OmegaConf.select(config, "train.devices") or 1
    if team() is None and size > 1:
        values = OmegaConf.to_container(config, resolve=True)
        logs = OmegaConf.to_container(HydraConfig.get().job_logging, resolve=True)
        return start(size, _take_part, values, folder, named, logs)
    build, others = Build(config), team()
    if others is None:
        return run(build, folder, **named)
    with others.first_here_first("data"):
        build.splits  # noqa: B018 - reads them, or downloads them
    others.tell("run", {"folder": str(folder.absolute()), "resumes": has_checkpoint(folder)})
    return run(build, folder, **named)


def nobody_needs_to_train() -> None:
    """Let the processes go that wait for this one to lead."""
    if others := team():
        others.tell("run", None)


def together(arguments: Namespace, leads: Callable[[], int]) -> int:
    """Take part in a run whose processes torchrun or srun has started, with the same words.

    Args:
        arguments: of the command line.
        leads: does what they say, in the first process; returns its exit status.

    Raises:
        ConfigError: if this process was started with other words than the first one, or the words
            ask for several runs.
    """
    others = team()
    assert others is not None, "the caller has looked"
    if arguments.shell_completion or arguments.hydra_help or arguments.info or arguments.cfg:
        return leads() if others.rank == 0 else 0  # nothing is trained
    words = list(arguments.overrides)
    with others.failing_together():
        if others.rank == 0:
            if arguments.multirun or any(SEVERAL_RUNS.match(word) for word in words):
                raise ConfigError(
                    "a sweep or study is started once, not by torchrun or srun: train.devices=2 "
                    "gives each of its runs two processes"
                )
            others.tell("words", words)
            return leads()
        if (theirs := others.hear("words")) != words:
            said, first = (" ".join(each) or "none" for each in (words, theirs))
            raise ConfigError(
                f"process {others.rank} was started with other words ({said}) than the first "
                f"({first})"
            )
        train_along(lambda: composition_of(arguments).config(continued(spelled(words))))
        return 0


def train_along(config: Callable[[], DictConfig]) -> None:
    """Do this process's part of a run that another one leads, and leave the terminal to it.

    Args:
        config: composes it from the words of the run, once the leading process has checked them.

    Raises:
        AnotherFailed: if the run fails elsewhere.
    """
    from constructors import Build, matched
    from run import follow

    warnings.simplefilter("ignore")
    logging.getLogger().handlers[:] = [logging.NullHandler()]
    others = team()
    assert others is not None, "a run that another process leads has several"
    with others.failing_together():
        told = others.hear("run")  # the data are there now, on the first machine
        if told is None:
            return
        folder = Path(told["folder"])
        build = Build(matched(config(), folder))
        with others.first_here_first("data"):
            build.splits  # noqa: B018 - reads them, or downloads them
        follow(build, folder, resumes=told["resumes"])


def _take_part(
    values: dict[str, Any], folder: Path, named: dict[str, Any], logs: dict[str, Any]
) -> dict[str, Any]:
    """What each of the processes does that `lead` has started; the figures, of the first."""
    others = team()
    assert others is not None
    config = OmegaConf.create(values)
    if others.rank == 0:
        configure_log(OmegaConf.create(logs))
        return lead(config, folder, **named)
    train_along(lambda: config)
    return {}
