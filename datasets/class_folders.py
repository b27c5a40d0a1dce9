"""Pictures sorted into folders by class: what is there, and what is wrong with it, in one line.

root/train/<class>/*.jpg   root/test/<class>/*.jpg   and, optionally, root/val/<class>/*.jpg
root/<class>/*.jpg         to be split
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from datasets.entries import Entries, names_of_folders
from datasets.files import UnreadableFiles, named
from datasets.names import Names
from datasets.pictures import is_picture
from datasets.spec import MissingData, one_line

__all__ = ["Listing", "class_names", "is_presplit", "list_pictures", "report"]

PARTS = ("train", "val", "test")
LAYOUT = "it should hold <class>/<picture> folders, or train/<class>/… and test/<class>/…"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listing:
    """Pictures, sorted: their names relative to the root, and their classes' numbers [N].

    `left_out` says of everything else in the folders, by its name, why it is not among them.
    """

    names: Names
    labels: Tensor
    left_out: Mapping[str, str]


def is_presplit(root: Path) -> bool:
    """Return whether a root has the folders train and test.

    A folder "train" with pictures right in it is a class, of locomotives say.

    Raises:
        MissingData: for half of it.
    """
    there = {part: (root / part).is_dir() and bool(_folders(root / part)) for part in PARTS}
    if there["train"] != there["test"] and set(_folders(root)) <= set(PARTS):
        lacking = "test" if there["train"] else "train"
        raise MissingData(f"the folder {lacking} is missing", root, LAYOUT)
    return there["train"] and there["test"]


def class_names(root: Path) -> tuple[str, ...]:
    """Return the names of the classes, sorted.

    Raises:
        MissingData: if the root is missing or has fewer than two class folders.
    """
    if not root.is_dir():
        raise MissingData("the folder of pictures is missing", root, f"set dataset.root; {LAYOUT}")
    folder = root / "train" if is_presplit(root) else root
    names = _folders(folder)
    if len(names) < 2:
        found = f"only one class folder ({names[0]})" if names else "no class folder"
        raise MissingData(f"there is {found}", folder, LAYOUT)
    return tuple(names)


def list_pictures(root: Path, part: str, classes: tuple[str, ...]) -> Listing:
    """Return the pictures in the class folders of root/part, at any depth.

    Each folder is visited once, whatever links lead to it.

    Raises:
        MissingData: if a class is unknown or has a folder without pictures.
        UnreadableFiles: if a folder cannot be read.
    """
    folder = root / part
    found = _folders(folder)
    if unknown := sorted(set(found) - set(classes)):
        remedy = f"the classes are those of training: {', '.join(classes[:10])}"
        raise MissingData(f"unknown class {', '.join(unknown[:3])}", folder, remedy)
    entries = Entries(root)
    for name in (".", *(PARTS if part in PARTS else ())):
        if (root / name).is_dir():
            entries.visit(root / name)  # a link that leads back there is not followed
    for name in found:
        if not entries.visit(folder / name):
            what = f"the folder of class {name} is a link to another folder of the data"
            raise MissingData(what, folder, "delete the link")
    entries.leave_out_files(folder, "not in the folder of a class")
    pictures: dict[str, Names] = {}  # class by class: a million paths would take a gigabyte
    left_out: dict[str, str] = {}
    for name in found:
        files = entries.files(folder / name)
        pictures[name] = Names(entries.name(path) for path in files if is_picture(path))
        left_out |= {entries.name(path): "not a picture" for path in files if not is_picture(path)}
    if entries.unreadable:
        raise UnreadableFiles(entries.unreadable, root)
    if empty := [name for name, each in pictures.items() if not len(each)]:
        remedy = "put pictures there (.jpg, .png, …) or delete the folder"
        plural = "es" if len(empty) > 1 else ""
        raise MissingData(f"no pictures in class{plural} {', '.join(empty)}", folder, remedy)
    sizes = torch.tensor([len(pictures.get(name, ())) for name in classes])
    labels = torch.arange(len(classes)).repeat_interleave(sizes)
    return Listing(Names.joined(pictures.values()), labels, left_out | entries.left_out)


def report(listings: Sequence[Listing], root: Path) -> None:
    """Say in the log how many pictures of how many entries were taken, and name the others."""
    taken = sum(len(each.names) for each in listings)
    left_out = {name: reason for each in listings for name, reason in each.left_out.items()}
    if left_out:
        total = taken + len(left_out)
        what = one_line(named(dict(sorted(left_out.items()))))
        logger.warning("took %d of %d entries of %s; left out: %s", taken, total, root, what)
    else:
        logger.info("took all %d pictures of %s", taken, root)


def _folders(folder: Path) -> list[str]:
    """Return the names of a folder's folders.

    Raises:
        MissingData: if one is no text.
    """
    names = names_of_folders(folder)
    for name in names:
        if any(letter < " " or "\ud800" <= letter <= "\udfff" for letter in name):
            raise MissingData(f"the name of the folder {name} is no text", folder, "rename it")
    return names
