"""PatchCamelyon: patches of lymph-node scans, with or without a metastasis, from HDF5 files.

B. S. Veeling, J. Linmans, J. Winkens, T. Cohen and M. Welling, "Rotation Equivariant CNNs for
Digital Pathology", MICCAI 2018.
"""

import gzip
import shutil
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from datasets.augment import augmentation
from datasets.batching import Augmentation
from datasets.files import UnreadableFiles, make_split
from datasets.framing import resized
from datasets.holdout import subset
from datasets.published import read_published
from datasets.rotation import Degrees
from datasets.spec import DataSpec, Split, Splits
from partial_equiv.intervals import Count, Natural, NonNegative
from partial_equiv.refusal import Refusal

__all__ = ["PCam", "Patches"]

FOLDER, SIZE = "pcam", 96
Part = Literal["train", "val", "test"]
NAMES: dict[Part, str] = {"train": "train", "val": "valid", "test": "test"}
CACHE = 2**26  # bytes of a file's chunks that HDF5 keeps: patches come in random order


class Patches:
    """The images `x` [N, H, W, C] of an HDF5 file, resized; each process opens it for itself."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self._images: Any = None

    def read(self, index: int) -> Tensor:
        """Return one image, uint8 [C, size, size]; raises UnreadableFiles."""
        return resized(self._slice(index, index + 1), self.size)[0]

    def load(self, indices: Tensor, num_workers: int) -> Tensor:
        """Return images [N, C, size, size], read in the file's order; raises UnreadableFiles."""
        order = indices.argsort()
        images = torch.empty(len(indices), 3, self.size, self.size, dtype=torch.uint8)
        for places in order.split(1024):
            rows = indices[places]
            first, last = int(rows[0]), int(rows[-1])
            images[places] = resized(self._slice(first, last + 1)[rows - first], self.size)
        return images

    def check(self, indices: Tensor, num_workers: int) -> None:
        """Raise UnreadableFiles if the file cannot be opened or is too short."""
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


class PCam:
    """262,144 patches to train, 32,768 to validate and 32,768 to test, in two classes.

    A split stays in its file unless `memory` GiB can hold it (the training split needs 6.8);
    `num_workers` threads then read ahead. `train_size` and `val_size` keep class-balanced parts,
    which `split_seed` fixes. Training images are turned by angles in [-augment_rotation,
    augment_rotation], mirrored (`augment_flip`) and shifted by up to `augment_crop` pixels. All
    images are resized to `size`, and `circle_crop` keeps only their inscribed discs.
    """

    def __init__(
        self,
        root: str = "data",
        size: Count = SIZE,
        circle_crop: bool = False,
        val_size: Count | None = None,
        train_size: Count | None = None,
        split_seed: Natural = 0,
        memory: NonNegative = 1.0,
        num_workers: Natural = 4,
        augment_flip: bool = False,
        augment_crop: Natural = 0,
        augment_rotation: Degrees = 0.0,
        download: bool = True,
    ) -> None:
        self.root = root
        self.size = size
        self.circle_crop = circle_crop
        self.val_size = val_size
        self.train_size = train_size
        self.split_seed = split_seed
        self.memory = memory
        self.num_workers = num_workers
        self.augment = augmentation(augment_flip, augment_crop, augment_rotation)
        self.download = download

    @property
    def spec(self) -> DataSpec:
        """Shapes, classes and normalisation."""
        return DataSpec(
            in_channels=3,
            num_classes=2,
            size=(self.size, self.size),
            mean=(0.701, 0.538, 0.692),
            std=(0.235, 0.277, 0.213),
            class_names=("normal", "metastasis"),
            circle_crop=self.circle_crop,
        )

    def splits(self) -> Splits:
        """Return the published splits; archives `*.h5.gz` in the folder are unpacked first.

        Raises MissingData if files are absent or damaged, ValueError for impossible sizes.
        """
        return Splits(
            self.spec,
            self._split("train", self.train_size, self.augment),
            self._split("val", self.val_size),
            self._split("test", None),
        )

    def _split(self, part: Part, size: int | None, augment: Augmentation | None = None) -> Split:
        import h5py

        root = Path(self.root).expanduser()
        files = {f"camelyonpatch_level_2_split_{NAMES[part]}_{key}.h5": None for key in "xy"}
        images, targets = (root / FOLDER / name for name in files)

        def read() -> tuple[int, Tensor]:
            from torchvision.datasets import PCAM

            for path in (images, targets):
                _unpack(path)
            PCAM(str(root), split=part, download=self.download)
            with h5py.File(images) as x, h5py.File(targets) as y:
                labels = torch.from_numpy(y["y"][:]).flatten().long()
                return len(x["x"]), labels

        num, labels = read_published("PCam", root, FOLDER, files, read)
        if num != len(labels):
            reasons = {targets.name: f"{len(labels)} labels for {num} images"}
            raise UnreadableFiles(reasons, targets.parent)
        chosen = subset(torch.arange(num), labels, size, self.split_seed, part)
        return make_split(
            Patches(images, self.size),
            chosen,
            labels[chosen],
            self.spec,
            augment,
            memory=self.memory,
            num_workers=self.num_workers,
        )


def _unpack(path: Path) -> None:
    """Make a file from its archive, if only that is there."""
    archive = path.with_name(f"{path.name}.gz")
    if path.exists() or not archive.exists():
        return
    unfinished = path.with_name(f"{path.name}.unfinished")
    with gzip.open(archive) as packed, unfinished.open("wb") as unpacked:
        shutil.copyfileobj(packed, unpacked, 2**20)
    unfinished.rename(path)
