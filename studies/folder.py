"""The folder of a study: which runs it holds, and what has become of each of them.

study.json           the study's name, its words and all of its jobs, written first
<row>/seed=<n>/      a run, see `run_folder`
<row>/tuning/…       its trials, runs as well: see `studies.tuning`
report.md, tables/, figures/
"""

import json
import logging
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from statistics import fmean
from typing import Any

from config_schema import ConfigError
from partial_equiv.refusal import Refusal
from plain_files import read_json, write_whole
from run_folder import State, is_done, read_result, seconds_since_start, state
from studies.jobs import Job
from studies.study import Study, read_study

__all__ = ["State", "StudyFolder", "is_study", "read_study_folder"]

STUDY = "study.json"
log = logging.getLogger(__name__)

REMEDY = "start the study again to write it anew"


@dataclass(frozen=True)
class StudyFolder:
    """A study in its folder.

    Attributes:
        path: of the folder.
        name: of the study, as in study=<name>.
        study: what it says.
        further: words that were added to every run.
        jobs: all of its runs, chosen or not.
    """

    path: Path
    name: str
    study: Study
    further: tuple[str, ...]
    jobs: tuple[Job, ...]

    def begin(self) -> None:
        """Write what the study is; the runs of other seeds that it has already stay in it.

        Raises:
            ConfigError: if the folder holds another study, or the same one with other words.
        """
        jobs = {job.name: job for job in self.jobs}
        if is_study(self.path) and (there := self._there()) is not None:
            rows = {job.row for job in self.jobs}
            jobs = {job.name: job for job in there.jobs if job.row in rows} | jobs
            for what, old, new in (
                ("study", there.name, self.name),
                ("further words", " ".join(there.further), " ".join(self.further)),
            ):
                if old != new:
                    reason = f"holds a study with {what} {old or '(none)'}, not {new or '(none)'}"
                    place = "choose another folder with hydra.sweep.dir"
                    raise ConfigError(f"{self.path}: {reason}; {place}")
        self.path.mkdir(parents=True, exist_ok=True)
        about = {
            "name": self.name,
            "study": asdict(self.study),
            "further": self.further,
            "jobs": [asdict(job) for job in jobs.values()],
        }
        write_whole(self.path / STUDY, json.dumps(about, indent=1) + "\n")

    def _there(self) -> "StudyFolder | None":
        """The study that is in the folder already; None, and a warning, if its file is damaged.

        (Nothing is mixed: each run compares its own config before it goes on.)
        """
        try:
            return read_study_folder(self.path)
        except (ConfigError, Refusal) as error:
            log.warning("%s: that is done now", error)
            return None

    def place(self, job: Job) -> Path:
        """The run folder of a job."""
        return self.path / job.name

    def choice(self, job: Job) -> str | None:
        """The name of the trial that chooses the words of a job; None if its row is not tuned, or
        some of its trials are not done.

        Raises:
            Refusal: if the trials cannot be compared, or the result of one is damaged.
        """
        places = {trial: self.path / trial for trial in job.settings}
        if not places or not all(map(is_done, places.values())):
            return None
        results = {trial: read_result(place) for trial, place in places.items()}
        return self.study.tuning.best(results)

    def words(self, job: Job) -> tuple[str, ...]:
        """What a job is made with: if its row is tuned, with the setting of the best of its trials,
        all of which must be done.

        Raises:
            Refusal: as `choice` does.
        """
        trial = self.choice(job)
        return job.words if trial is None else job.settings[trial]

    def state(self, job: Job) -> State:
        """What has become of a job."""
        return state(self.place(job))

    def results(self) -> dict[str, dict[int, dict[str, Any]]]:
        """The results of what is done: by row, then by seed."""
        found: dict[str, dict[int, dict[str, Any]]] = {}
        for job in self.jobs:
            if is_done(self.place(job)):
                found.setdefault(job.row, {})[job.seed] = read_result(self.place(job))
        return found

    def progress(self, names: Collection[str] | None = None, *, ended: int = 0) -> str:
        """A line: how many runs are done, and how long the others may take.

        A run is taken to need what the runs of its row needed, or all runs where none of its row
        is done; one that is running needs what is left of that.

        Args:
            names: of the runs to speak of; None: all.
            ended: runs that have just ended, in whose places others start.
        """
        jobs = [job for job in self.jobs if names is None or job.name in names]
        states = {job.name: self.state(job) for job in jobs}
        rows: dict[str, list[float]] = {}
        for job in self.jobs:
            if is_done(self.place(job)):
                rows.setdefault(job.row, []).append(self._seconds(job))
        left = [job for job in jobs if states[job.name] != "done"]
        text = f"{len(jobs) - len(left)} of {len(jobs)} runs done"
        if not (left and rows):
            return text
        anyone = [seconds for each in rows.values() for seconds in each]
        total, running = 0.0, 0
        for job in left:
            needed = fmean(rows.get(job.row, anyone))
            if states[job.name] == "running":
                running += 1
                needed = max(0.0, needed - seconds_since_start(self.place(job)))
            total += needed
        return f"{text}, about {timedelta(seconds=round(total / max(1, running + ended)))} to go"

    def _seconds(self, job: Job) -> float:
        return float(read_result(self.place(job)).get("seconds/run", 0.0))


def is_study(path: Path) -> bool:
    """Whether a folder is that of a study."""
    return (path / STUDY).is_file()


def read_study_folder(path: Path) -> StudyFolder:
    """The study in a folder.

    Raises:
        ConfigError: if there is none, or its file is damaged.
    """
    file = path / STUDY
    if not file.is_file():
        raise ConfigError(f"{path}: holds no study ({STUDY} is not there)")
    values = read_json(file, dict, REMEDY)
    try:
        jobs = [
            Job(
                str(each["row"]),
                int(each["seed"]),
                tuple(map(str, each["words"])),
                tuple(each["needs"]),
                {name: tuple(map(str, to)) for name, to in each.get("settings", {}).items()},
            )
            for each in values["jobs"]
        ]
        study = read_study(values["study"])
        further = tuple(map(str, values["further"]))
        return StudyFolder(path, str(values["name"]), study, further, tuple(jobs))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ConfigError(f"{file} is damaged ({reason}); {REMEDY}") from None
