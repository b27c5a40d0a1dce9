"""A study: rows of named words, seeds, claims and a report, as data in cfg/study/<name>.yaml.

    words: [dataset=rotmnist]                        # of every run
    shared: {wide: &wide [net.hidden_channels=32]}   # by several rows, as *wide among their words
    rows:
      full: {words: [conv.partial=False], published: .9917, source: "where"}
      partial: {words: [conv.partial=True]}
    axes: {augmentation: {none: [], flip: [dataset.augment_flip=True]}}
    seeds: [0, 1, 2]
    columns: [defect]                                # of result.json, beside the metric
    claims: ["partial/none >= full/none - 0.002"]

An option's words are for all rows, or by the rows that they are for: `flip: {full: […]}`.
Every row is run with every combination of options, one of each axis, and with every seed: that of
`partial` with `flip` and seed 0 is a run in the folder partial/flip/seed=0 of the study's. A word
may name the run that it builds on: `task.autoencoder=${run:autoencoder}` becomes the folder of the
run of that name and the same seed (and the same options, if there are axes).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from composition import merged
from config_schema import ConfigError
from config_schema.complaints import hint
from config_schema.quoting import quoted
from partial_equiv.intervals import Natural

__all__ = ["Job", "Row", "Study", "flat", "read_study", "waves"]

REFERENCE = re.compile(r"\$\{run:(?P<row>[^}]*)\}")
NAME = re.compile(r"[\w.+-]+(/[\w.+-]+)*")  # it stands in the names of folders

Words: TypeAlias = Sequence[str | Sequence[str | Sequence[str]]]
"""Words, and lists of words that several rows share by an anchor of YAML's."""

Option: TypeAlias = Words | Mapping[str, Words]
"""The words of an option of an axis: for all rows, or by row."""


@dataclass(frozen=True)
class Row:
    """A row of a study.

    Attributes:
        words: that make it.
        published: value of the study's metric, if there is one.
        source: of the published value.
        seeds: in place of the study's.
        note: what a reader of its line in the table should know.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    words: Words = ()
    published: float | None = None
    source: str = ""
    seeds: Sequence[Natural] | None = None
    note: str = ""


@dataclass(frozen=True)
class Study:
    """What a YAML of cfg/study says.

    Attributes:
        title: of the report, one line.
        words: of every run.
        shared: words by name that several rows share, for YAML's anchors; nothing else reads them.
        rows: by name; none: the product of the axes.
        axes: named options of each axis, as words for all rows or for some, by their names.
        seeds: of every row.
        metric: of result.json, that rows are compared by.
        columns: further figures of result.json, whose means stand beside it.
        claims: comparisons of rows, see `analysis.comparison`.
        report: module of studies/reports that adds tables and figures of its own.
        settings: for that report.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    title: str = ""
    words: Words = ()
    shared: Mapping[str, Words] = field(default_factory=dict)
    rows: Mapping[str, Row | None] = field(default_factory=dict)
    axes: Mapping[str, Mapping[str, Option]] = field(default_factory=dict)
    seeds: Sequence[Natural] = (0,)
    metric: str = "test/accuracy"
    columns: Sequence[str] = ()
    claims: Sequence[str] = ()
    report: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def named_rows(self) -> dict[str, Row]:
        """The rows with the options of the axes, by the names of their folders.

        Raises:
            ConfigError: for names that cannot be those of folders, and for options of no row.
        """
        found: dict[str, Row] = {}
        for axis, named in self.axes.items():
            for option, words in named.items():
                for each in words if isinstance(words, Mapping) else ():
                    if each not in self.rows:
                        reason = f"there is no such row{hint(each, list(self.rows))}"
                        raise ConfigError(f"study.axes.{axis}.{option}.{each}: {reason}")
        options = [list(axis.items()) for axis in self.axes.values()]
        for name, given in (self.rows or {"": None}).items():
            row = given or Row()
            for chosen in product(*options):
                full = "/".join(filter(None, [name, *(option for option, _ in chosen)]))
                if not NAME.fullmatch(full):
                    reason = "should be of letters, digits and any of . _ + - /"
                    raise ConfigError(f"study.rows: {full or 'a row without a name'}: {reason}")
                words = [*flat(row.words), *(w for _, each in chosen for w in _words(each, name))]
                found[full] = Row(words, row.published, row.source, row.seeds, row.note)
        return found

    def jobs(
        self, folder: Path, further: Sequence[str] = (), *, seeds: Sequence[int] | None = None
    ) -> list["Job"]:
        """All runs of the study.

        Args:
            folder: of the study.
            further: words for every run, which count more than its own.
            seeds: in place of the study's; of a row's own seeds they choose those that are among
                them, or all if none is.

        Raises:
            ConfigError: for a reference to a row that is not there, or to itself.
        """
        rows = self.named_rows()
        own = {name: _among(row.seeds, seeds) or seeds or self.seeds for name, row in rows.items()}
        return [
            self._job(name, seed, rows, own, folder, further) for name in rows for seed in own[name]
        ]

    def _job(
        self,
        name: str,
        seed: int,
        rows: Mapping[str, Row],
        seeds: Mapping[str, Sequence[int]],
        folder: Path,
        further: Sequence[str],
    ) -> "Job":
        needs: dict[str, None] = {}

        def place(match: re.Match[str]) -> str:
            row = self._referred(match["row"], name, rows)
            needs[job_name(row, seed if seed in seeds[row] else seeds[row][0])] = None
            return quoted(folder / next(reversed(needs)))

        words = [*flat(self.words), *flat(rows[name].words), f"seed={seed}", *further]
        words = merged([REFERENCE.sub(place, word) for word in words])
        return Job(name, seed, tuple(words), tuple(needs))

    def _referred(self, row: str, name: str, rows: Mapping[str, Row]) -> str:
        """The row that is meant: of this name, or of this name and the same options."""
        options = name.split("/")[-len(self.axes) :] if self.axes else []
        for found in (row, "/".join([row, *options])):
            if found in rows and found != name:
                return found
        known = [each for each in rows if each != name]
        reason = f"there is no such other row{hint(row, known)}"
        raise ConfigError(f"study.rows.{name}: ${{run:{row}}}: {reason}")


def _among(own: Sequence[int] | None, seeds: Sequence[int] | None) -> Sequence[int]:
    """A row's own seeds, if it has any: those that are chosen, or all if none of them is."""
    return [seed for seed in own or () if seeds is None or seed in seeds] or own or ()


def _words(option: Option, row: str) -> Iterator[str]:
    """The words of an option that are for a row."""
    return flat(option.get(row, ()) if isinstance(option, Mapping) else option)


def flat(words: Words | str) -> Iterator[str]:
    """All words in order, those of lists among them as well.

    >>> list(flat(["a", ["b", ["c"]]]))
    ['a', 'b', 'c']
    """
    if isinstance(words, str):
        yield words
    else:
        yield from (word for each in words for word in flat(each))


@dataclass(frozen=True)
class Job:
    """One run of a study.

    Attributes:
        row: its name, with those of its options.
        seed: of the run.
        words: that make it.
        needs: names of the jobs that it builds on.
    """

    row: str
    seed: int
    words: tuple[str, ...]
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of its folder in the study's."""
        return job_name(self.row, self.seed)


def job_name(row: str, seed: int) -> str:
    """The folder of a run in its study's."""
    return f"{row}/seed={seed}"


def read_study(values: object) -> Study:
    """A study from the section of a config.

    Raises:
        ConfigError: naming every problem, one line each.
    """
    from config_schema.signatures import read_plain  # loads pydantic

    return read_plain("study", values, Study)


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
