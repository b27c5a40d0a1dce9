"""What every class of data sets inherits: a `spec`, a cheap look for its files, checked splits."""

from abc import ABC, abstractmethod

from datasets.checks import check
from datasets.spec import DataSpec, Splits

__all__ = ["DataSet"]


class DataSet(ABC):
    """A cheap object: it reads its data in `splits()`, and not before."""

    @property
    @abstractmethod
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation, known before any data are read."""

    @property
    def place(self) -> str:
        """Where the data come from, for the one line about data that are wrong."""
        return "what the data set generates"

    def check_available(self) -> None:
        """Look whether the files are there, without reading them; nothing is downloaded or written.

        A data set that needs no files, or may download them, has nothing to complain about.

        Raises:
            MissingData: naming what is missing, and how to get it.
        """
        return None

    def splits(self) -> Splits:
        """Read or make the data, check them once, and return the three splits.

        Raises:
            MissingData: if files are absent or damaged, or the data cannot be what they should be.
            Refusal: for impossible sizes.
        """
        splits = self.read()
        check(splits, self.place)
        return splits

    @abstractmethod
    def read(self) -> Splits:
        """Read or make the data; `splits` checks them."""
