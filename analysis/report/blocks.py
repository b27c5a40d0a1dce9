"""What a page is made of: plain values, in the order in which they stand on it."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import ClassVar, TypeAlias, TypeVar

from analysis.report.curves import Chart
from analysis.report.pictures import Picture
from analysis.tables import number
from config_schema.complaints import complaint

__all__ = ["Block", "Charts", "Code", "Facts", "Folder", "Page", "Section", "Shown", "Table"]
__all__ += ["short", "table", "written"]

T = TypeVar("T")
NUMBER = re.compile(
    r"[-+−±]?[0-9.]+(e[-+]?[0-9]+)?( ?%|°)?( ± [0-9.e+-]+)?|[-+]?(inf|nan)"
).fullmatch
BLANK = ("-", "", "not run", "not finite")
MOST_ROWS, MOST_COLUMNS, MOST_LETTERS = 60, 16, 160  # of a table, and of a cell


@dataclass(frozen=True)
class Facts:
    """Names with what they are; large ones are the headline."""

    rows: Sequence[tuple[str, str]]
    large: bool = False
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Table:
    """Written cells below a head; `left` lines are not shown."""

    name: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 0
    kind: ClassVar[str] = "table"

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold nothing but numbers: they stand at the right."""
        columns = ([row[i] for row in self.rows if i < len(row)] for i in range(len(self.head)))
        return [
            any(map(NUMBER, cells)) and all(NUMBER(cell) or cell in BLANK for cell in cells)
            for cells in columns
        ]


@dataclass(frozen=True)
class Shown:
    """Pictures."""

    pictures: Sequence[Picture]
    kind: ClassVar[str] = "pictures"


@dataclass(frozen=True)
class Charts:
    """Curves over the epochs."""

    charts: Sequence[Chart]
    kind: ClassVar[str] = "charts"


@dataclass(frozen=True)
class Code:
    """Lines to be pasted; folded, they are shown once they are asked for, under that name."""

    text: str
    folded: str = ""
    kind: ClassVar[str] = "code"


Block: TypeAlias = Facts | Table | Shown | Charts | Code


@dataclass(frozen=True)
class Section:
    """A part of the page; empty ones are left out, unless they say why."""

    title: str
    blocks: Sequence[Block] = ()
    note: str = ""

    @property
    def is_shown(self) -> bool:
        """Whether anything stands in it."""
        return any(each.rows for each in self.blocks if isinstance(each, Facts | Table)) or any(
            each.pictures if isinstance(each, Shown) else True
            for each in self.blocks
            if not isinstance(each, Facts | Table)
        )


@dataclass(frozen=True)
class Page:
    """A run, a sweep or a study.

    Attributes:
        kind: which of them.
        title: what it is about.
        state: what has become of it.
        sections: in their order.
        folder: that it is made from: the last two parts of its path.
        missing: what the folder does not hold, or what of it cannot be read; a line each.
    """

    kind: str
    title: str
    state: str
    sections: Sequence[Section]
    folder: str
    missing: Sequence[str] = ()


@dataclass
class Folder:
    """A folder of which all is read that can be read, and of which the rest is noted."""

    path: Path
    missing: list[str] = field(default_factory=list)

    def attempt(self, read: Callable[..., T], *given: object) -> T | None:
        """What a reader gives; None, and a note, where it refuses."""
        try:
            return read(*given)
        except (OSError, ValueError) as error:
            self.note(complaint(error) or str(error))
            return None

    @property
    def name(self) -> str:
        """The last two parts of its path."""
        return "/".join(self.path.absolute().parts[-2:])

    def note(self, reason: str) -> None:
        """Say what is not there; places are told as from the folder."""
        line = " ".join(reason.replace(f"{self.path}/", "").split())[:300]
        if line not in self.missing:
            self.missing.append(line)


def table(name: str, lines: Iterable[Sequence[str]]) -> Table:
    """A table of lines of which the first is the head, as far as a page has room for it."""
    head, *rows = ([short(cell) for cell in line[:MOST_COLUMNS]] for line in lines)
    return Table(name, head, rows[:MOST_ROWS], max(0, len(rows) - MOST_ROWS))


def written(value: object) -> str:
    """A plain value as a reader sees it.

    >>> written(0.91666), written(20166), written(None), written([1, 2])
    ('0.9167', '20166', 'not finite', '[1, 2]')
    """
    if value is None:
        return "not finite"
    if isinstance(value, float):
        return number(value) if isfinite(value) and abs(value) < 1e5 else f"{value:.4g}"
    return short(str(value))


def short(text: str) -> str:
    """A text as far as a cell has room for it."""
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"
