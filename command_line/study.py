"""A study on the command line: `python main.py study=<name> [study.rows=[…]] [further words]`."""

import logging
import os
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from command_line.announcement import announce_runs
from command_line.importing import importing_torch
from composition import Composition
from config_schema import ConfigError
from config_schema.quoting import quoted
from config_schema.words import HYDRA_ERRORS, refusal
from partial_equiv.intervals import Natural
from partial_equiv.refusal import Refusal
from studies.folder import StudyFolder, read_study_folder
from studies.jobs import Job, chosen, study_jobs, waves
from studies.study import Study, flat, read_study

__all__ = ["StudyRun", "study_run"]

MOST_PROBLEMS = 6
CHOICES = ("study.rows", "study.seeds")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StudyRun:
    """A study that is to be run, or a part of it.

    Attributes:
        folder: of the study, with all of its jobs.
        jobs: those that were asked for, with those that they build on.
        overrides: what Hydra is to see.
    """

    folder: StudyFolder
    jobs: Sequence[Job]
    overrides: list[str]

    @property
    def how_to_continue(self) -> str:
        """What an interrupted user is told."""
        return "the same command continues the study"

    def report(self) -> int:
        """Report on what is done, and name what is not; the exit status."""
        from studies.report import report  # seconds to import

        log.info("%s", report(read_study_folder(self.folder.path)))  # with seeds of earlier calls
        states = {job.name: self.folder.state(job) for job in self.jobs}
        for name, state in states.items():
            if state == "failed":
                log.error(
                    "failed: %s (see main.log there)", os.path.relpath(self.folder.path / name)
                )
        log.info("study folder: %s", os.path.relpath(self.folder.path))
        return 0 if set(states.values()) == {"done"} else 1


def study_run(words: Sequence[str], composition: Composition) -> StudyRun | None:
    """The study that the words ask for; None if they ask for none.

    Raises:
        ConfigError: naming every problem, one line each, in the words and in the study's rows.
    """
    overrides = OverridesParser.create().parse_overrides(list(words))
    mine = {each.get_key_element().lstrip("+"): each for each in overrides}
    if "study" not in mine:
        if given := [key for key in mine if key.startswith("study.")]:
            raise ConfigError(f"{given[0]}: no study is chosen; write study=<name> as well")
        return None
    name = str(mine["study"].value())
    said: dict[str, list[str]] = {"hydra": [], "study": [], "further": []}
    for key, each in mine.items():
        about = "study" if key.partition(".")[0] == "study" else "further"
        if key not in CHOICES:
            said["hydra" if each.is_hydra_override() else about].append(str(each.input_line))
    config = composition.config([*said["hydra"], *said["study"]], with_hydra=True)
    study = read_study(OmegaConf.to_container(config.study, resolve=False))
    further = said["further"]
    debug = "debug" in mine and mine["debug"].value() is True
    seeds: Sequence[int] | None = _choice(mine, "study.seeds", Sequence[Natural])
    patterns: Sequence[str] = _choice(mine, "study.rows", Sequence[str]) or ["*"]
    path = _folder(name, mine, config.hydra.sweep.dir, debug=debug)
    asked = study_jobs(study, path, further, seeds=seeds)
    wanted = chosen(asked, patterns)
    if problems := list(_objections(study, {job.row for job in wanted}, further)):
        raise ConfigError("\n".join(problems))
    everything = {job.name: job for job in [*study_jobs(study, path, further), *asked]}
    waves(wanted)
    announce_runs(len(wanted), path)
    check(study, wanted, composition)
    folder = StudyFolder(path, name, study, tuple(further), tuple(everything.values()))
    names = ",".join(quoted(job.name) for job in wanted)
    return StudyRun(
        folder,
        wanted,
        [
            *said["hydra"],
            "hydra.mode=MULTIRUN",
            "hydra/sweeper=study",
            f"hydra.sweeper.jobs=[{names}]",
            f"hydra.sweep.dir={quoted(path)}",
        ],
    )


def _objections(study: Study, rows: Container[str], further: Sequence[str]) -> Iterator[str]:
    """Why words cannot hold for all of these rows: the seed, and what the rows differ in."""
    own: dict[str, dict[str, str]] = {}
    trials = study.trials()
    for name, row in study.named_rows().items():
        own[name] = {_key(word): word for word in flat(row.words)}
        for trial in trials[name]:
            own[trial.name] = own[name] | {_key(word): word for word in trial.words}
    own = {name: words for name, words in own.items() if name in rows}
    for word in further:
        key = _key(word)
        there = {name: words.get(key) for name, words in own.items()}
        if key == "seed":
            yield f"{word}: each run of a study has its own, which study.seeds=[…] chooses"
        elif len(set(there.values())) > 1 and not word.startswith("++"):
            name, said = next((name, said) for name, said in there.items() if said)
            reason = f"the rows differ in {key}, {name} has {said}"
            yield f"{word}: {reason}; choose some with study.rows=[…], or write ++{word} for all"


def _key(word: str) -> str:
    return word.partition("=")[0].lstrip("+~")


def check(study: Study, jobs: Sequence[Job], composition: Composition) -> None:
    """Compose and check the words of every row; read the claims, which are judged hours later.

    Raises:
        ConfigError: naming problems with the rows that they are of, or the claim that is wrong.
    """
    with importing_torch():
        from constructors import components
        from studies.outcome import outcome

    try:
        outcome(study, [])
    except Refusal as error:
        raise ConfigError(f"study.claims: {error}") from None

    problems: dict[str, None] = {}
    for row, job in {job.row: job for job in jobs}.items():
        try:
            components(composition.config(job.words))
        except ConfigError as error:
            problems |= dict.fromkeys(
                f"study row {row}: {each}" for each in str(error).splitlines()
            )
        except HYDRA_ERRORS as error:
            told = str(refusal(error, job.words, composition))
            problems |= dict.fromkeys(f"study row {row}: {each}" for each in told.splitlines())
        if len(problems) >= MOST_PROBLEMS:  # a further word that is wrong is wrong in every row
            break
    if problems:
        raise ConfigError("\n".join(problems))


def _choice(overrides: Mapping[str, Override], key: str, annotation: Any) -> Any:  # noqa: ANN401
    """The value of a word that chooses a part of the study; None without it."""
    override = overrides.get(key)
    from config_schema.signatures import read_plain  # loads pydantic

    return None if override is None else read_plain(key, override.value(), annotation)


def _folder(name: str, words: Mapping[str, Override], chosen_dir: str, *, debug: bool) -> Path:
    """Where the study leaves its runs: without a date, so that the same command goes on."""
    if "hydra.sweep.dir" in words:
        return Path(chosen_dir).absolute()
    outputs = Path(os.environ.get("OUTPUT_DIR", "outputs"))
    return (outputs / "studies" / ("debug" if debug else "") / name).absolute()
