"""The groups of cfg/ and their options, each with what its file says of itself; no Hydra needed."""

from dataclasses import dataclass
from itertools import dropwhile, takewhile
from pathlib import Path
from textwrap import shorten

import yaml

__all__ = ["PRESETS", "Group", "groups"]

PRESETS = ("experiment", "study")
"""Groups whose options are whole settings, to start from; the others choose one thing each."""


@dataclass(frozen=True)
class Group:
    """A group: its folder, its options in order, and the default, if it has one.

    `always` says whether each config has one of the options, or of none of them the mark `+`.
    """

    folder: Path
    options: tuple[str, ...]
    default: str | None
    always: bool

    @property
    def name(self) -> str:
        """As one types it."""
        return self.folder.name

    def text(self, option: str) -> str:
        """The file of an option."""
        return (self.folder / f"{option}.yaml").read_text(encoding="utf-8")

    def about(self, option: str) -> str:
        """The first comment of an option's file in a line, without the command; or nothing."""
        comment = takewhile(lambda line: line.startswith("#"), self.text(option).splitlines())
        said = (line.lstrip("# ") for line in comment)
        kept = (line for line in said if not line.startswith(("@package", "python main.py")))
        return shorten(" ".join(kept), 90, placeholder=" …")

    def settings(self, option: str) -> str:
        """An option's file after its first comment: the settings, and what is said of them."""
        lines = self.text(option).splitlines()
        return "\n".join(dropwhile(lambda line: line.startswith("#"), lines)).strip()


def groups(folder: Path) -> dict[str, Group]:
    """The groups below a folder of config files, without what options share and Hydra's own."""
    entries = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))["defaults"]
    defaults = {
        group.removeprefix("optional "): option
        for entry in entries
        if isinstance(entry, dict)
        for group, option in entry.items()
    }
    found = {}
    places = (path for path in folder.iterdir() if path.is_dir() and path.name != "hydra")
    for place in sorted(places):
        names = (path.relative_to(place).with_suffix("") for path in place.rglob("[!_]*.yaml"))
        options = tuple(sorted(str(name) for name in names))
        if options:
            default = defaults.get(place.name)
            found[place.name] = Group(place, options, default, place.name in defaults)
    return found
