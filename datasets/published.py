"""Published data sets through torchvision, whatever goes wrong told in one line."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError
from tarfile import TarError
from typing import TypeVar
from zlib import error as DeflateError

from datasets.spec import MissingData

__all__ = ["read_published"]

T = TypeVar("T")

# What torchvision lets through from a dead network, and what its readers meet in a damaged file.
DOWNLOAD_FAILURES = (OSError, EOFError, HTTPException, RuntimeError, ImportError)
DAMAGES = (
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AssertionError,
    UnpicklingError,
    TarError,
    DeflateError,
)


def read_published(
    name: str, root: Path, folder: str, files: Mapping[str, str | None], read: Callable[[], T]
) -> T:
    """Return what `read` makes of the files in `root`/`folder`, which it may download first.

    `files` maps the names of all files to their MD5 sums, as far as these are known.

    Raises MissingData if files are absent or damaged and cannot be downloaded.
    """
    try:
        with _socket_timeout(30):
            return read()
    except MissingData:
        raise
    except DOWNLOAD_FAILURES + DAMAGES as error:
        raise _explained(name, root, folder, files, error) from None


def _explained(
    name: str, root: Path, folder: str, files: Mapping[str, str | None], error: Exception
) -> MissingData:
    from torchvision.datasets.utils import check_integrity

    place = root / folder
    absent = [file for file in files if not (place / file).exists()]
    reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
    if absent:
        return MissingData(
            f"{name} is missing {', '.join(absent)} ({reason})",
            place,
            "run once with a network and dataset.download=true, or set dataset.root (or DATA_DIR) "
            f"to a folder that holds {folder}",
        )
    damaged = [
        file for file, md5 in files.items() if md5 and not check_integrity(place / file, md5)
    ]
    which = ", ".join(damaged) or "a file"
    return MissingData(
        f"{which} of {name} is damaged ({reason})",
        place,
        "delete that folder and run once with a network and dataset.download=true",
    )


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Let a download over a dead network fail: torchvision itself would wait for minutes."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
