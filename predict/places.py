"""Which picture files are meant by the names of files and folders."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from datasets.entries import Entries
from datasets.pictures import is_picture

__all__ = ["Found", "find_pictures"]


@dataclass
class Found:
    """Picture files.

    Attributes:
        names: their paths, sorted, each once.
        left_out: what cannot be read for sure, by its path, with the reason.
    """

    names: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def find_pictures(places: Iterable[str | Path]) -> Found:
    """The files among some places, and the pictures in the folders among them, at any depth.

    A file that is named counts as a picture whatever its name; in a folder, the suffix decides.
    Hidden files of a folder do not count, and no folder is visited twice.
    """
    files: set[Path] = set()
    left_out: dict[str, str] = {}
    for place in map(Path, places):
        if place.is_dir():
            entries = Entries(place)
            entries.visit(place)
            files.update(path for path in entries.files(place) if is_picture(path))
            dead = {name: why for name, why in entries.left_out.items() if is_picture(Path(name))}
            for name, reason in {**dead, **entries.unreadable}.items():
                left_out[str(place / name)] = reason
        elif place.exists() and not place.is_file():  # a pipe would be waited for, for ever
            left_out[str(place)] = "no regular file"
        else:
            files.add(place)
    return Found([str(path) for path in sorted(files)], left_out)
