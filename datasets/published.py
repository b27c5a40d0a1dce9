"""Published data sets through torchvision, whatever goes wrong told in one line."""

import socket
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError
from tarfile import TarError
from typing import TypeVar
from zlib import error as DeflateError

from datasets.images import ImageSet
from datasets.spec import MissingData

__all__ = ["PublishedFiles", "PublishedImages"]

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


@dataclass(frozen=True)
class PublishedFiles:
    """The files of a data set in `root`/`folder`.

    Attributes:
        name: of the data set.
        root: as the user names it, a leading ~ replaced.
        folder: in it, as torchvision names it.
        md5: of every file, by its name; None where it is not known.
        download: how to get the files, in the words of a remedy.
    """

    name: str
    root: Path
    folder: str
    md5: Mapping[str, str | None]
    download: str = "run once with a network and dataset.download=true"

    @property
    def place(self) -> Path:
        """The folder of the files."""
        return self.root / self.folder

    def check(self) -> None:
        """Look whether the files are there.

        Raises:
            MissingData: naming those that are not.
        """
        if absent := self._absent():
            raise self._missing(absent)

    def read(self, read: Callable[[], T]) -> T:
        """Return what `read` makes of the files, which it may download first.

        Raises:
            MissingData: if files are absent or damaged and cannot be downloaded.
        """
        try:
            with _socket_timeout(30):
                return read()
        except MissingData:
            raise
        except DOWNLOAD_FAILURES + DAMAGES as error:
            raise self._explained(error) from None

    def damaged(self, which: str, reason: str) -> MissingData:
        """Return the complaint about a file."""
        return MissingData(
            f"{which} of {self.name} is damaged ({reason})",
            self.place,
            f"delete that folder and {self.download}",
        )

    def _absent(self) -> list[str]:
        return [name for name in self.md5 if not (self.place / name).exists()]

    def _missing(self, absent: list[str], reason: str = "") -> MissingData:
        why = f" ({reason})" if reason else ""
        return MissingData(
            f"{self.name} is missing {', '.join(absent)}{why}",
            self.place,
            f"{self.download}, or set dataset.root (or DATA_DIR) to a folder that holds "
            f"{self.folder}",
        )

    def _explained(self, error: Exception) -> MissingData:
        from torchvision.datasets.utils import check_integrity

        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        if absent := self._absent():
            return self._missing(absent, reason)
        damaged = [
            file
            for file, md5 in self.md5.items()
            if md5 and not check_integrity(self.place / file, md5)
        ]
        return self.damaged(", ".join(damaged) or "a file", reason)


@dataclass(frozen=True, kw_only=True)
class PublishedImages(ImageSet):
    """Images that torchvision can read and download.

    Attributes:
        root: folder of all data; a data set's own folder lies in it.
        download: get the files if they are not there.
    """

    root: str = field(default="data", kw_only=False)
    download: bool = True

    @property
    @abstractmethod
    def files(self) -> PublishedFiles:
        """All files that are read."""

    @property
    def place(self) -> str:
        """The folder of the files."""
        return str(self.files.place)

    def check_available(self) -> None:
        """Look whether the files are there, unless they may be downloaded.

        Raises:
            MissingData: naming what is missing, and how to get it.
        """
        if not self.download:
            self.files.check()


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Let a download over a dead network fail: torchvision itself would wait for minutes."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
