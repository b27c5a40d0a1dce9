"""Pictures sorted into folders by class: what is there, and what is wrong with it, in one line.

root/train/<class>/*.jpg   root/test/<class>/*.jpg   and, optionally, root/val/<class>/*.jpg
root/<class>/*.jpg         to be split
"""

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from datasets.pictures import is_picture
from datasets.spec import MissingData

__all__ = ["Listing", "class_names", "is_presplit", "list_pictures"]

PARTS = ("train", "val", "test")
LAYOUT = "it should hold <class>/<picture> folders, or train/<class>/… and test/<class>/…"


@dataclass(frozen=True)
class Listing:
    """Pictures, sorted: their names relative to the root, and their classes' numbers [N]."""

    names: list[str]
    labels: Tensor


def is_presplit(root: Path) -> bool:
    """Return whether a root has the folders train and test; raises MissingData for half of it.

    A folder "train" with pictures right in it is a class, of locomotives say.
    """
    there = {part: (root / part).is_dir() and bool(_folders(root / part)) for part in PARTS}
    if there["train"] != there["test"] and set(_folders(root)) <= set(PARTS):
        lacking = "test" if there["train"] else "train"
        raise MissingData(f"the folder {lacking} is missing", root, LAYOUT)
    return there["train"] and there["test"]


def class_names(root: Path) -> tuple[str, ...]:
    """Return the names of the classes, sorted.

    Raises MissingData if the root is missing or has fewer than two class folders.
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

    Raises MissingData if a class is unknown or has a folder without pictures.
    """
    folder = root / part
    found = _folders(folder)
    if unknown := sorted(set(found) - set(classes)):
        remedy = f"the classes are those of training: {', '.join(classes[:10])}"
        raise MissingData(f"unknown class {', '.join(unknown[:3])}", folder, remedy)
    pictures = {name: _pictures(folder / name) for name in found}
    if empty := [name for name, each in pictures.items() if not each]:
        remedy = "put pictures there (.jpg, .png, …) or delete the folder"
        plural = "es" if len(empty) > 1 else ""
        raise MissingData(f"no pictures in class{plural} {', '.join(empty)}", folder, remedy)
    names = [path.relative_to(root).as_posix() for each in pictures.values() for path in each]
    sizes = torch.tensor([len(pictures.get(name, ())) for name in classes])
    return Listing(names, torch.arange(len(classes)).repeat_interleave(sizes))


def _folders(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(each.name for each in entries if each.is_dir() and each.name[0] != ".")


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        path
        for place, _, names in os.walk(folder, followlinks=True)
        for path in (Path(place, name) for name in names)
        if is_picture(path)
    )
