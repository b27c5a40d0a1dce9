"""Small data sets in the forms that users have them: IDX, folders of images, HDF5."""

import random
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DATA", "Data"]

CLASSES = 10
PIXELS = 28


@dataclass(frozen=True)
class Data:
    """A data set.

    Attributes:
        write: it into a folder.
        words: that train on it.
        files: that may be damaged.
    """

    write: Callable[[Path], None]
    words: tuple[str, ...]
    files: tuple[str, ...]


def _idx(folder: Path) -> None:
    raw, choose = folder / "MNIST" / "raw", random.Random(0)
    raw.mkdir(parents=True)
    for part, number in (("train", 60), ("t10k", 20)):
        images = struct.pack(">iiii", 2051, number, PIXELS, PIXELS)
        images += choose.randbytes(number * PIXELS**2)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(images)
        labels = struct.pack(">ii", 2049, number) + bytes(i % CLASSES for i in range(number))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(labels)


def _pictures(folder: Path) -> None:
    from PIL import Image

    choose = random.Random(0)
    for name in ("cats", "dogs"):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            picture = Image.frombytes("RGB", (16, 16), choose.randbytes(768))
            picture.save(folder / name / f"{number}.{'png' if number % 2 else 'jpg'}")


def _views(folder: Path) -> None:
    from constructors import Build, compose

    words = ["dataset=orbits", "dataset.num_views=4", f"dataset.root={folder}", "debug=True"]
    splits = Build(compose(words)).splits
    assert len(splits.train)


RAW = "MNIST/raw"
DATA: Mapping[str, Data] = {
    "idx": Data(
        _idx,
        ("dataset=mnist", "dataset.val_size=20", "dataset.size=16"),
        (f"{RAW}/train-images-idx3-ubyte", f"{RAW}/t10k-labels-idx1-ubyte"),
    ),
    "pictures": Data(
        _pictures, ("dataset=image_folder", "dataset.size=16"), ("cats/2.jpg", "dogs/3.png")
    ),
    "views": Data(_views, ("dataset=orbits", "dataset.num_views=4"), ("orbits/*-train.h5",)),
}
