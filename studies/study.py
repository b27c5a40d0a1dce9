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
`partial` with `flip` and seed 0 is a run in the folder partial/flip/seed=0 of the study's. A row
leaves out the options that it has a reason against: `without: {flip: "why"}`.

`studies.jobs` says how a word names another run, `studies.tuning` how rows are tuned, and
`studies.outcome` what the claims may compare.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, ClassVar, TypeAlias

from config_schema import ConfigError
from config_schema.complaints import hint
from partial_equiv.intervals import Natural
from studies.tuning import Trial, Tuning, Words

__all__ = ["Row", "Study", "flat", "read_study"]

NAME = re.compile(r"[\w.+-]+(/[\w.+-]+)*")  # it stands in the names of folders

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
        settings: that its trials try, in place of those of the study's tuning.
        without: options of the axes that make no sense with it, and why.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    words: Words = ()
    published: float | None = None
    source: str = ""
    seeds: Sequence[Natural] | None = None
    note: str = ""
    settings: Mapping[str, Words] = field(default_factory=dict)
    without: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """What a YAML of cfg/study says.

    Attributes:
        title: of the report, one line.
        words: of every run.
        shared: what several rows share by name, for YAML's anchors; nothing else reads them.
        rows: by name; none: the product of the axes.
        axes: named options of each axis, as words for all rows or for some, by their names.
        seeds: of every row.
        metric: of result.json, that rows are compared by; of several, the first that a run has.
        columns: further figures of result.json, whose means stand beside it.
        claims: comparisons of rows, see `studies.outcome`.
        tuning: how the settings of each row are chosen.
        report: module of studies/reports that adds tables and figures of its own.
        settings: for that report.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    title: str = ""
    words: Words = ()
    shared: Mapping[str, Any] = field(default_factory=dict)
    rows: Mapping[str, Row | None] = field(default_factory=dict)
    axes: Mapping[str, Mapping[str, Option]] = field(default_factory=dict)
    seeds: Sequence[Natural] = (0,)
    metric: str | Sequence[str] = "test/accuracy"
    columns: Sequence[str] = ()
    claims: Sequence[str] = ()
    tuning: Tuning = field(default_factory=Tuning)
    report: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metric, or each of several."""
        return (self.metric,) if isinstance(self.metric, str) else tuple(self.metric)

    def named_rows(self) -> dict[str, Row]:
        """The rows with the options of the axes, by the names of their folders.

        Raises:
            ConfigError: for names that cannot be those of folders, for options of no row, and for
                options that a row is without and that there are not.
        """
        found: dict[str, Row] = {}
        known = [option for named in self.axes.values() for option in named]
        for each in self.tuning.options:
            if each not in known:
                reason = f"there is no such option{hint(each, known)}"
                raise ConfigError(f"study.tuning.options.{each}: {reason}")
        for axis, named in self.axes.items():
            for option, words in named.items():
                for each in words if isinstance(words, Mapping) else ():
                    if each not in self.rows:
                        reason = f"there is no such row{hint(each, list(self.rows))}"
                        raise ConfigError(f"study.axes.{axis}.{option}.{each}: {reason}")
        options = [list(axis.items()) for axis in self.axes.values()]
        for name, given in (self.rows or {"": None}).items():
            row = given or Row()
            for each in row.without:
                if each not in known:
                    reason = f"there is no such option{hint(each, known)}"
                    raise ConfigError(f"study.rows.{name}.without.{each}: {reason}")
            for chosen in product(*options):
                if any(option in row.without for option, _ in chosen):
                    continue
                full = "/".join(filter(None, [name, *(option for option, _ in chosen)]))
                if not NAME.fullmatch(full):
                    reason = "should be of letters, digits and any of . _ + - /"
                    raise ConfigError(f"study.rows: {full or 'a row without a name'}: {reason}")
                settings = row.settings or self.tuning.settings
                for option, _ in chosen:
                    settings = self.tuning.options.get(option, settings)
                words = [*flat(row.words), *(w for _, each in chosen for w in _words(each, name))]
                found[full] = replace(row, words=words, settings=settings)
        return found

    def trials(self) -> dict[str, list[Trial]]:
        """The trials of every row, by its name; none where the study tunes nothing.

        Raises:
            ConfigError: if one row has more settings to choose from than another, or a setting has
                a name that cannot be that of a folder.
        """
        found: dict[str, list[Trial]] = {}
        for name, row in self.named_rows().items():
            for each in row.settings:
                if not NAME.fullmatch(each) or "/" in each:
                    reason = "should be of letters, digits and any of . _ + -"
                    raise ConfigError(f"study.rows.{name}.settings: {each}: {reason}")
            found[name] = [
                Trial(f"{name}/tuning/{each}", tuple(flat(words)))
                for each, words in row.settings.items()
            ]
            first = next(iter(found))
            if len(found[name]) != len(found[first]):
                reason = f"{len(found[name])}, but {first} has {len(found[first])}"
                raise ConfigError(f"study.rows.{name}.settings: {reason}; all try as many")
        return found


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


def read_study(values: object) -> Study:
    """A study from the section of a config.

    Raises:
        ConfigError: naming every problem, one line each.
    """
    from config_schema.signatures import read_plain  # loads pydantic

    return read_plain("study", values, Study)
