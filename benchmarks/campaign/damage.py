"""Kinds of damage to a file: what disks, crashes, editors and strangers do to it."""

import os
import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["DAMAGES", "damage"]

Content = Callable[[bytes, random.Random], bytes]


def _flipped(old: bytes, choose: random.Random) -> bytes:
    place = choose.randrange(len(old))
    return old[:place] + bytes([old[place] ^ (1 << choose.randrange(8))]) + old[place + 1 :]


def _lines(change: Callable[[list[bytes], random.Random], object]) -> Content:
    def changed(old: bytes, choose: random.Random) -> bytes:
        lines = old.splitlines(keepends=True)
        change(lines, choose)
        return b"".join(lines)

    return changed


def _always(new: bytes) -> Content:
    return lambda _old, _choose: new


CONTENTS: Mapping[str, Content] = {
    "empty": _always(b""),
    "cut in the middle": lambda old, _: old[: len(old) // 2],
    "cut anywhere": lambda old, choose: old[: choose.randrange(len(old))],
    "without its last byte": lambda old, _: old[:-1],
    "without its beginning": lambda old, _: old[len(old) // 3 :],
    "a bit flipped": _flipped,
    "another bit flipped": _flipped,
    "a third bit flipped": _flipped,
    "zeroed": lambda old, _: bytes(len(old)),
    "zeroed from the middle": lambda old, _: old[: len(old) // 2] + bytes(len(old) - len(old) // 2),
    "random bytes": lambda old, choose: choose.randbytes(len(old)),
    "a picture": _always(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(99)),
    "zeros after it": lambda old, _: old + bytes(512),
    "twice": lambda old, _: old + old,
    "in another encoding": lambda old, _: old.decode("latin-1").encode("utf-16"),
    "a line missing": _lines(lambda lines, choose: lines.pop(choose.randrange(len(lines)))),
    "a line twice": _lines(lambda lines, choose: lines.append(choose.choice(lines))),
    "lines mixed": _lines(lambda lines, choose: choose.shuffle(lines)),
    "a list": _always(b"[]\n"),
    "a mapping": _always(b"{}\n"),
    "a number": _always(b"3\n"),
    "nothing": _always(b"null\n"),
    "a list of others": _always(b'[1, {"a": [2]}, null]\n'),
    "a mapping of others": _always(
        b'{"seed": [1], "dataset": 3, "jobs": {"a": 1}, "epoch": "x"}\n'
    ),
    "deep": _always(b"[" * 3000),
    "a huge number": _always(b'{"seed": ' + b"9" * 6000 + b"}\n"),
    "YAML that grows": _always(b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"),
    "YAML that runs": _always(b"!!python/object/apply:os.system [exit]\n"),
    "YAML of other types": _always(b"a: 2020-01-01\n3: !!binary aGk=\n? [1]\n: !!set {x}\n"),
}


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _broken_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


PLACES: Mapping[str, Callable[[Path], None]] = {
    "missing": _remove,
    "a pipe": _pipe,
    "a folder": _folder,
    "a link to nothing": _broken_link,
}
DAMAGES = (*CONTENTS, *PLACES)


def damage(path: Path, kind: str, choose: random.Random) -> None:
    """Do this to a file, which is replaced: others that are linked to it stay whole."""
    if kind in PLACES:
        PLACES[kind](path)
        return
    new = CONTENTS[kind](path.read_bytes(), choose)
    path.unlink()
    path.write_bytes(new)
