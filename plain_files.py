"""Plain values in files of a run folder, which may be damaged, or somebody else's.

A file that was cut, flipped, zeroed or exchanged is told in one line that names it; nothing that is
read runs code, and nothing that is small on the disk becomes large in memory.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from partial_equiv.refusal import Refusal

__all__ = [
    *("intact_lines", "read_bytes", "read_json", "read_table", "read_text", "read_yaml"),
    "write_whole",
]

MOST_BYTES = 64 * 2**20
# What the readers raise of odd bytes; YAML's explicit tags (`!!bool x`) raise the last three.
ODD = (
    yaml.YAMLError,
    csv.Error,
    ValueError,
    RecursionError,
    LookupError,
    AttributeError,
    TypeError,
)


class _PlainLoader(yaml.SafeLoader):
    """YAML without anchors, by which a line can stand for a billion."""

    def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("it refers to its own parts")
        return super().compose_node(parent, index)


def read_yaml(path: Path, kind: type, remedy: str) -> Any:  # noqa: ANN401
    """The content of a YAML file.

    Args:
        path: of the file.
        kind: dict or list, what the file must hold.
        remedy: what can be done if it is damaged.

    Raises:
        Refusal: if the file is damaged.
        OSError: if it cannot be read.
    """
    try:
        return _of_kind(kind, yaml.load(_text(path), _PlainLoader))
    except ODD as error:
        raise _damaged(path, error, remedy) from None


def read_json(path: Path, kind: type, remedy: str) -> Any:  # noqa: ANN401
    """The content of a JSON file; see `read_yaml`."""
    try:
        return _of_kind(kind, json.loads(_text(path)))
    except ODD as error:
        raise _damaged(path, error, remedy) from None


def read_table(path: Path, remedy: str) -> list[dict[str, str]]:
    """The lines of a CSV file, by the names in its first one; see `read_yaml`."""
    try:
        lines = list(csv.DictReader(_text(path).splitlines(), strict=True))
        for number, line in enumerate(lines, 2):
            if None in line or None in line.values():
                raise Refusal(f"line {number} has not as many cells as the first")
        return lines
    except ODD as error:
        raise _damaged(path, error, remedy) from None


def read_text(path: Path, remedy: str) -> str:
    """The content of a text file; see `read_yaml`."""
    try:
        return _text(path)
    except ODD as error:
        raise _damaged(path, error, remedy) from None


def read_bytes(path: Path, remedy: str) -> bytes:
    """The content of a file of whatever kind; see `read_yaml`."""
    try:
        _check_file(path)
        return path.read_bytes()
    except ODD as error:
        raise _damaged(path, error, remedy) from None


def intact_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """The lines of a JSON-lines file with their numbers, from 1 on; None for a damaged one."""
    try:
        lines = _text(path, errors="replace").splitlines()
    except ValueError:
        lines = [""]
    for number, line in enumerate(lines, 1):
        try:
            yield number, _of_kind(dict, json.loads(line))
        except ODD:
            yield number, None


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is at any time absent, old or new, never half."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def _text(path: Path, errors: str = "strict") -> str:
    _check_file(path)
    return path.read_text(encoding="utf-8", errors=errors)


def _check_file(path: Path) -> None:
    if not path.is_file() and path.exists():  # a pipe would be waited for, for ever
        raise Refusal("it is no file")
    if path.stat().st_size > MOST_BYTES:
        raise Refusal(f"it is larger than {MOST_BYTES // 2**20} MiB")


def _of_kind(kind: type, content: object) -> Any:  # noqa: ANN401
    if not isinstance(content, kind):
        raise Refusal(f"it holds a {type(content).__name__}, not a {kind.__name__}")
    _check_plain(content)
    return content


def _check_plain(content: object) -> None:
    """Refuse what is neither list, mapping of names, word nor number: dates, bytes, sets."""
    if isinstance(content, dict):
        for key, value in content.items():
            if not isinstance(key, str):
                raise Refusal(f"{key!r} is no name")
            _check_plain(value)
    elif isinstance(content, list):
        for value in content:
            _check_plain(value)
    elif isinstance(content, int) and abs(content) >= 2**63:
        raise Refusal("it holds a number that is too large")
    elif not (content is None or isinstance(content, str | int | float)):
        raise Refusal(f"it holds a {type(content).__name__}")


def _damaged(path: Path, error: Exception, remedy: str) -> Refusal:
    reason = " ".join(str(error).split()) or type(error).__name__
    return Refusal(f"{path} is damaged ({reason[:120]}); {remedy}")
