"""What the pages of runs, sweeps and studies share: tables, figures, places, and how to repeat."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.names import plain
from analysis.report.blocks import Folder, Table, table, written
from analysis.report.pictures import MOST_BYTES, Picture, figures, load_pictures
from plain_files import read_table

__all__ = ["STATES", "checkout", "main_command", "shown_figures", "tables_of", "where"]

STATES = {
    "done": "finished",
    "running": "running",
    "torn": "interrupted",
    "failed": "failed",
    "waiting": "not finished",
}
YES_NO = {True: "yes", False: "no"}
MOST_TABLES, MOST_FACTS = 24, 40


def tables_of(folder: Folder, first: Sequence[str] = ()) -> Iterator[Table]:
    """The tables of a folder, some before the others, by their names."""
    top = folder.path / "tables"
    found = folder.attempt(lambda: list(top.rglob("*.csv"))) or []
    paths = {path.relative_to(top).with_suffix("").as_posix(): path for path in found}
    names = [name for name in first if name in paths]
    names += sorted(paths.keys() - {*names})
    if len(names) > MOST_TABLES:
        folder.note(f"tables/: {len(names) - MOST_TABLES} more are not shown")
    for name in names[:MOST_TABLES]:
        path = paths[name]
        if not path.is_symlink():
            lines = folder.attempt(read_table, path, "it is left out")
            if lines:
                yield table(plain(name), [list(lines[0]), *(list(x.values()) for x in lines)])


def shown_figures(folder: Folder, room: int = MOST_BYTES) -> list[Picture]:
    """The figures of a folder; what is not shown is noted."""
    found = []
    for each in load_pictures(folder.attempt(figures, folder.path) or [], room):
        if isinstance(each, Picture):
            found.append(each)
        else:
            folder.note(each)
    return found


def where(runs: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Commit, machine and libraries of one or several runs; each value once."""
    names = dict.fromkeys(name for about in runs for name in about)
    rows = []
    for name in names:
        if name not in ("chosen", "words"):
            said = [about[name] for about in runs if about.get(name) is not None]
            words = (YES_NO[each] if isinstance(each, bool) else written(each) for each in said)
            values = dict.fromkeys(words)
            rows.append((name.replace("_", " "), ", ".join(values)))
    return rows[:MOST_FACTS]


def checkout(about: Mapping[str, Any]) -> list[str]:
    """The lines that bring the program of a run back."""
    commit = about.get("commit")
    if not isinstance(commit, str) or not re.fullmatch("[0-9a-f]{7,64}", commit):
        return ["# its commit is not known"]
    changed = " # and changes that were not committed" if about.get("uncommitted_changes") else ""
    return [f"git checkout {commit}{changed}"]


def main_command(words: Sequence[str]) -> str:
    """Words of main.py as one pastes them into a shell."""
    return " ".join(["python main.py", *map(shlex.quote, words)])
