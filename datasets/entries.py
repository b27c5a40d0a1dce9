"""What lies in folders, whatever it is: files to take, and what is left out, with the reason.

Neither a loop of links nor a pipe can hold the search up: no folder is visited twice, and nothing
but a regular file is taken. Hidden entries do not count.
"""

import os
from pathlib import Path

__all__ = ["Entries", "names_of_folders"]


class Entries:
    """The entries of some folders below a root.

    Attributes:
        left_out: what is no file to take, by its name relative to the root, with the reason.
        unreadable: folders that the system will not list, likewise.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.left_out: dict[str, str] = {}
        self.unreadable: dict[str, str] = {}
        self._visited: set[tuple[int, int]] = set()

    def name(self, path: Path) -> str:
        """Return a path relative to the root."""
        return path.relative_to(self.root).as_posix()

    def visit(self, folder: Path) -> bool:
        """Note that a folder is visited; whether it is so for the first time."""
        status = folder.stat()
        known = (status.st_dev, status.st_ino) in self._visited
        self._visited.add((status.st_dev, status.st_ino))
        return not known

    def files(self, folder: Path) -> list[Path]:
        """Return the regular files in a folder, at any depth, sorted."""
        found: list[Path] = []
        waiting = [folder]
        while waiting:
            for entry in self._listed(waiting.pop()):
                path, kind = Path(entry.path), _kind(entry)
                if kind == "folder":
                    if self.visit(path):
                        waiting.append(path)
                    else:
                        self.left_out[self.name(path)] = "leads to a folder that is visited already"
                elif kind == "file":
                    found.append(path)
                else:
                    self.left_out[self.name(path)] = kind
        return sorted(found)

    def leave_out_files(self, folder: Path, reason: str) -> None:
        """Leave out what lies in a folder and is no folder."""
        for entry in self._listed(folder):
            kind = _kind(entry)
            if kind != "folder":
                self.left_out[self.name(Path(entry.path))] = reason if kind == "file" else kind

    def _listed(self, folder: Path) -> list["os.DirEntry[str]"]:
        try:
            return sorted(_entries(folder), key=lambda entry: entry.name)
        except OSError as error:
            self.unreadable[self.name(folder)] = error.strerror or str(error)
            return []


def names_of_folders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted.

    Raises:
        OSError: if the folder cannot be read.
    """
    return sorted(entry.name for entry in _entries(folder) if _kind(entry) == "folder")


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    with os.scandir(folder) as entries:
        return [entry for entry in entries if entry.name[0] != "."]


def _kind(entry: "os.DirEntry[str]") -> str:
    """Return "file", "folder", or why it is neither."""
    try:
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return "file"
        entry.stat()
    except FileNotFoundError:
        return "a link to nothing"
    except OSError as error:  # a link to itself
        return error.strerror or str(error)
    return "no regular file"
