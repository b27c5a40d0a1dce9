"""Folders that are at any time absent, old or new, never half."""

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.spec import one_line
from partial_equiv.refusal import Refusal

__all__ = ["check_place", "written_whole"]


def check_place(folder: Path, ours: Collection[str]) -> None:
    """Check that a folder can be written, or replaced because it holds nothing but files of ours.

    Raises:
        Refusal: if not.
    """
    if not folder.parent.is_dir():
        raise Refusal(one_line(f"{folder.parent}: there is no such folder"))
    if folder.exists() and not folder.is_dir():
        raise Refusal(one_line(f"{folder}: is a file, should be a folder"))
    others = {each.name for each in folder.iterdir()} - {*ours} if folder.is_dir() else ()
    if others:
        raise Refusal(one_line(f"{folder}: holds {min(others)}, give a folder of its own"))


@contextmanager
def written_whole(folder: Path) -> Iterator[Path]:
    """A folder beside another one to write into, which takes its place once the block has ended.

    If the block raises, or is interrupted, it is deleted, and the other one stays as it was.
    """
    new, old = (folder.with_name(f".{folder.name}.{word}") for word in ("unfinished", "replaced"))
    if old.exists() and not folder.exists():  # a process was killed
        old.rename(folder)
    for each in (new, old):
        shutil.rmtree(each, ignore_errors=True)
    new.mkdir()
    try:
        yield new
        if folder.exists():
            folder.rename(old)
        try:
            new.rename(folder)
        except BaseException:
            if old.exists():
                old.rename(folder)
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
