"""Records as text: CSV, JSON lines, or a table for the terminal."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from analysis.tables import markdown
from partial_equiv.refusal import Refusal
from plain_files import write_whole

__all__ = ["as_table", "check_output", "write_records"]

Records = Sequence[Mapping[str, Any]]


def _csv(records: Records) -> str:
    text = StringIO()
    lines = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    lines.writeheader()
    lines.writerows(records)
    return text.getvalue()


def _json_lines(records: Records) -> str:
    return "".join(json.dumps(record, allow_nan=False) + "\n" for record in records)


FORMATS: Mapping[str, Callable[[Records], str]] = {".csv": _csv, ".jsonl": _json_lines}
"""How records are written, by the ending of the file's name."""


def check_output(path: Path) -> None:
    """Check that records can be written to a file, before they are made.

    Raises:
        Refusal: if its name has no ending that says how, or if it cannot lie there.
    """
    if path.suffix.lower() not in FORMATS:
        raise Refusal(f"{path}: its name should end in {' or '.join(FORMATS)}")
    if path.is_dir() or not path.parent.is_dir():
        raise Refusal(f"{path}: {'is a folder' if path.is_dir() else 'there is no such folder'}")


def write_records(path: Path, records: Records) -> None:
    """Write records of the same names as the ending of the file says, whole or not at all."""
    write_whole(path, FORMATS[path.suffix.lower()](records))


def as_table(records: Records) -> str:
    """Records of the same names as a table in Markdown, its columns in line.

    >>> print(as_table([{"file": "a.png", "class": 6}, {"file": "long.png", "class": None}]))
    | file     | class |
    | --- | --- |
    | a.png    | 6     |
    | long.png | -     |
    """
    rows = [["-" if each is None else _shown(each) for each in row.values()] for row in records]
    table = [list(records[0]), *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    wide = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in table]
    return markdown(wide)


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
