"""PatchCamelyon: patches of lymph-node scans, with or without a metastasis, from HDF5 files.

B. S. Veeling, J. Linmans, J. Winkens, T. Cohen and M. Welling, "Rotation Equivariant CNNs for
Digital Pathology", MICCAI 2018.
"""

import gzip
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from datasets.files import UnreadableFiles
from datasets.framing import resized
from datasets.holdout import selection
from datasets.images import Facts, FileImages, Listed
from datasets.published import PublishedFiles, PublishedImages
from datasets.spec import MissingData, Splits
from partial_equiv.intervals import Count
from partial_equiv.refusal import Refusal

__all__ = ["PCam", "Patches"]

SIZE = 96
Part = Literal["train", "val", "test"]
NAMES: dict[Part, str] = {"train": "train", "val": "valid", "test": "test"}
FACTS = Facts((0.701, 0.538, 0.692), (0.235, 0.277, 0.213), ("normal", "metastasis"))
ARCHIVES = "https://zenodo.org/records/2546921"  # the publication of the data
CACHE = 2**26  # bytes of a file's chunks that HDF5 keeps: patches come in random order


class Patches:
    """The images `x` [N, H, W, C] of an HDF5 file, resized; each process opens it for itself."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self._images: Any = None

    def read(self, index: int) -> Tensor:
        """Return one image, uint8 [C, size, size].

        Raises:
            UnreadableFiles: if it cannot be read.
        """
        return resized(self._slice(index, index + 1), self.size)[0]

    def load(self, indices: Tensor) -> Tensor:
        """Return images [N, C, size, size], read in the file's order.

        Raises:
            UnreadableFiles: if one cannot be read.
        """
        order = indices.argsort()
        images = torch.empty(len(indices), 3, self.size, self.size, dtype=torch.uint8)
        for places in order.split(1024):
            rows = indices[places]
            first, last = int(rows[0]), int(rows[-1])
            images[places] = resized(self._slice(first, last + 1)[rows - first], self.size)
        return images

    def check(self, indices: Tensor) -> None:
        """Look at the file quickly, without reading it.

        Raises:
            UnreadableFiles: if the file cannot be opened or is too short.
        """
        self._slice(int(indices.max()), int(indices.max()) + 1)

    def _slice(self, start: int, stop: int) -> Tensor:
        import h5py

        try:
            if self._images is None:
                self._images = h5py.File(self.path, rdcc_nbytes=CACHE)["x"]
            rows = torch.from_numpy(self._images[start:stop])
            if rows.shape != (stop - start, SIZE, SIZE, 3):
                raise Refusal(f"has shape {self._images.shape}")
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise UnreadableFiles({self.path.name: reason}, self.path.parent) from None
        return rows.permute(0, 3, 1, 2)

    def __getstate__(self) -> dict[str, object]:
        """Leave the open file behind."""
        return {**self.__dict__, "_images": None}


@dataclass(frozen=True, kw_only=True)
class PCam(PublishedImages, FileImages):
    """262,144 patches to train, 32,768 to validate and 32,768 to test, in two classes.

    The training split needs 6.8 GiB of `memory`. For further settings, see `ImageSet` and
    `FileImages`.

    Attributes:
        val_size: keeps a class-balanced part of the validation patches; None: all.
    """

    size: Count = SIZE
    val_size: Count | None = None

    @property
    def facts(self) -> Facts:
        """Classes and normalisation."""
        return FACTS

    @property
    def files(self) -> PublishedFiles:
        """Images and classes of the three splits."""
        names = [_name(part, key) for part in NAMES for key in "xy"]
        return self._published(names)

    def check_available(self) -> None:
        """Look whether the files or their archives are there, or can be downloaded.

        Raises:
            MissingData: naming what is missing, and how to get it.
        """
        if not self.download or find_spec("gdown") is None:
            place, names = self.files.place, self.files.md5
            self._published([each for each in names if not _archive(place / each).exists()]).check()

    def read(self) -> Splits:
        """Read the published splits; archives `*.h5.gz` in the folder are unpacked first."""
        return self.in_files(
            self._listed("train", self.train_size),
            self._listed("val", self.val_size),
            self._listed("test", None),
        )

    def _listed(self, part: Part, size: int | None) -> Listed:
        import h5py

        files = self._published([_name(part, key) for key in "xy"])
        images, targets = (files.place / name for name in files.md5)

        def read() -> tuple[int, Tensor]:
            from torchvision.datasets import PCAM

            for path in (images, targets):
                _unpack(path)
            PCAM(str(files.root), split=part, download=self.download)
            with h5py.File(images) as x, h5py.File(targets) as y:
                labels = torch.from_numpy(y["y"][:]).flatten().long()
                return len(x["x"]), labels

        num, labels = files.read(read)
        if num != len(labels):
            reasons = {targets.name: f"{len(labels)} labels for {num} images"}
            raise UnreadableFiles(reasons, targets.parent)
        chosen = selection(torch.arange(num), labels, size, self.split_seed, part)
        return Patches(images, self.spec.size[0]), chosen, labels[chosen]

    def _published(self, names: list[str]) -> PublishedFiles:
        """Some of the files, with advice that holds whether or not gdown is installed."""
        install = "" if find_spec("gdown") else "`pip install gdown` and "
        download = (
            f"put the archives *.h5.gz of {ARCHIVES} into that folder, or "
            f"{install}run once with a network and dataset.download=true"
        )
        root = Path(self.root).expanduser()
        return PublishedFiles("PCam", root, "pcam", dict.fromkeys(names), download)


def _name(part: Part, key: str) -> str:
    """The file of a split's images (x) or classes (y)."""
    return f"camelyonpatch_level_2_split_{NAMES[part]}_{key}.h5"


def _archive(path: Path) -> Path:
    return path.with_name(f"{path.name}.gz")


def _unpack(path: Path) -> None:
    """Make a file from its archive, if only that is there.

    Raises:
        MissingData: if that is torn.
    """
    archive = _archive(path)
    if path.exists() or not archive.exists():
        return
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        with gzip.open(archive) as packed, unfinished.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 2**20)
    except (EOFError, gzip.BadGzipFile) as error:
        what = f"the archive {archive.name} is damaged ({error})"
        raise MissingData(what, path.parent, f"replace it by that of {ARCHIVES}") from None
    unfinished.rename(path)
