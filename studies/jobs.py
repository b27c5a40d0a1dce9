"""The runs of a study: a job for each row and seed and for each trial, and in which order they run.

A word may name the run that it builds on: `task.autoencoder=${run:autoencoder}` becomes the folder
of the run of that row and the same seed (and the same options, if there are axes).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from composition import merged
from config_schema import ConfigError
from config_schema.complaints import hint
from config_schema.quoting import quoted
from studies.study import Study, flat

__all__ = ["Job", "chosen", "study_jobs", "waves"]

REFERENCE = re.compile(r"\$\{run:(?P<row>[^}]*)\}")


@dataclass(frozen=True)
class Job:
    """One run of a study.

    Attributes:
        row: its name, with those of its options; of a trial, <row>/tuning/<setting>.
        seed: of the run.
        words: that make it.
        needs: names of the jobs that it builds on, its trials among them.
        settings: the words that make it in place of `words`, by the names of the trials of which
            the best one chooses them; none: its row is not tuned.
    """

    row: str
    seed: int
    words: tuple[str, ...]
    needs: tuple[str, ...] = ()
    settings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of its folder in the study's."""
        return job_name(self.row, self.seed)


def job_name(row: str, seed: int) -> str:
    """The folder of a run in its study's."""
    return f"{row}/seed={seed}"


def study_jobs(
    study: Study,
    folder: Path,
    further: Sequence[str] = (),
    *,
    seeds: Sequence[int] | None = None,
) -> list[Job]:
    """All runs of a study, the trials of a row before its own runs.

    Args:
        study: what is to be run.
        folder: of the study.
        further: words for every run, which count more than its own.
        seeds: in place of the study's; of a row's own seeds they choose those that are among them,
            or all if none is.

    Raises:
        ConfigError: for a reference to a row that is not there, or to itself.
    """
    found = _Jobs(study, folder, further, seeds)
    return [job for name in found.rows for job in found.of_row(name)]


class _Jobs:
    """Makes the jobs of a study."""

    def __init__(
        self, study: Study, folder: Path, further: Sequence[str], seeds: Sequence[int] | None
    ) -> None:
        self.study, self.folder, self.further = study, folder, further
        self.rows, self.trials = study.named_rows(), study.trials()
        chosen = seeds or study.seeds
        self.seeds = {name: _among(row.seeds, seeds) or chosen for name, row in self.rows.items()}

    def of_row(self, name: str) -> Iterator[Job]:
        """The trials and the runs of a row."""
        tried: dict[str, Sequence[str]] = {}
        for trial in self.trials[name]:
            job = self._job(name, self.study.tuning.seed, trial.words, trial.name)
            tried[job.name] = trial.setting
            yield job
        for seed in self.seeds[name]:
            job = self._job(name, seed)
            settings = {
                trial: self._job(name, seed, setting).words for trial, setting in tried.items()
            }
            yield Job(name, seed, job.words, (*job.needs, *tried), settings)

    def _job(self, row: str, seed: int, more: Sequence[str] = (), name: str = "") -> Job:
        """A run of a row, with more words and under another name if it is a trial."""
        needs: dict[str, None] = {}

        def place(match: re.Match[str]) -> str:
            other = self._referred(match["row"], row)
            there = self.seeds[other]
            needs[job_name(other, seed if seed in there else there[0])] = None
            return quoted(self.folder / next(reversed(needs)))

        own = [*flat(self.study.words), *flat(self.rows[row].words), *more]
        words = merged(
            [REFERENCE.sub(place, word) for word in (*own, f"seed={seed}", *self.further)]
        )
        return Job(name or row, seed, tuple(words), tuple(needs))

    def _referred(self, row: str, name: str) -> str:
        """The row that is meant: of this name, or of this name and the same options."""
        axes = self.study.axes
        options = name.split("/")[-len(axes) :] if axes else []
        for found in (row, "/".join([row, *options])):
            if found in self.rows and found != name:
                return found
        known = [each for each in self.rows if each != name]
        reason = f"there is no such other row{hint(row, known)}"
        raise ConfigError(f"study.rows.{name}: ${{run:{row}}}: {reason}")


def _among(own: Sequence[int] | None, seeds: Sequence[int] | None) -> Sequence[int]:
    """A row's own seeds, if it has any: those that are chosen, or all if none of them is."""
    return [seed for seed in own or () if seeds is None or seed in seeds] or own or ()


def chosen(jobs: Sequence[Job], patterns: Iterable[str]) -> list[Job]:
    """The jobs whose rows one of the patterns fits (`SE2-*`), and those that they build on.

    Raises:
        ConfigError: for a pattern that fits none.
    """
    wanted: set[str] = set()
    for pattern in patterns:
        fitting = {job.name for job in jobs if fnmatchcase(job.row, pattern)}
        if not fitting:
            rows = list(dict.fromkeys(job.row for job in jobs))
            raise ConfigError(f"study.rows={pattern}: fits no row, only {', '.join(rows)}")
        wanted |= fitting
    while more := {need for job in jobs if job.name in wanted for need in job.needs} - wanted:
        wanted |= more
    return [job for job in jobs if job.name in wanted]


def waves(jobs: Sequence[Job]) -> list[list[Job]]:
    """The jobs in groups, each of which builds on earlier groups alone.

    Raises:
        ConfigError: if jobs build on each other in a circle.

    >>> a, b = Job("a", 0, ()), Job("b", 0, (), ("a/seed=0",))
    >>> [[job.row for job in wave] for wave in waves([b, a])]
    [['a'], ['b']]
    """
    left, done, found = list(jobs), set[str](), []
    while left:
        wave = [job for job in left if done.issuperset(job.needs)]
        if not wave:
            names = ", ".join(job.name for job in left)
            raise ConfigError(f"study.rows: these runs build on each other: {names}")
        found.append(wave)
        done |= {job.name for job in wave}
        left = [job for job in left if job.name not in done]
    return found
