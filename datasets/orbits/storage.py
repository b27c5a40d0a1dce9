"""Orbits in HDF5: one array [n, views, C, H, W] a class, compressed, one chunk an image.

    <name>.h5               complete
    .<name>.h5.unfinished   while it is written: killed work goes on there

Each chunk has a checksum, so that damage is noticed when it is read.
"""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import torch
from torch import Tensor
from tqdm import tqdm

from datasets.files import UnreadableFiles
from datasets.orbits.views import turned_views
from partial_equiv.refusal import Refusal

__all__ = ["OrbitFile", "write_orbits"]

BLOCK = 64  # images: what a killed process may lose


def write_orbits(path: Path, images: Mapping[str, Tensor], num_views: int) -> None:
    """Write the orbits of uint8 images [n, C, H, H] of some classes, unless the file is there.

    What an interrupted call has written is kept. Another process that wants the same file waits.

    Raises:
        OSError: if the folder cannot be written to.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.with_name(f".{path.name}.lock")):
        if path.exists():
            return
        unfinished = path.with_name(f".{path.name}.unfinished")
        total = sum(map(len, images.values()))
        bar = tqdm(total=total, desc=f"turning {path.stem}", unit="image", disable=None)
        with bar, _opened(unfinished, images, num_views) as file:
            for name, sources in images.items():
                array = file[name]
                written = int(array.attrs["written"])
                bar.update(written)
                for start in range(written, len(sources), BLOCK):
                    block = turned_views(sources[start : start + BLOCK], num_views)
                    stop = start + len(block)
                    array[start:stop] = block.numpy()
                    file.flush()  # the count follows what it counts
                    array.attrs["written"] = stop
                    file.flush()
                    bar.update(len(block))
        unfinished.replace(path)


def _opened(path: Path, images: Mapping[str, Tensor], num_views: int) -> "h5py.File":
    """An unfinished file to go on with; what cannot be read, or has other shapes, begins anew."""
    if path.exists():
        try:
            file = h5py.File(path, "r+")
            for name, sources in images.items():
                array = file[name]
                if array.shape != (len(sources), num_views, *sources.shape[1:]):
                    raise Refusal(f"{name} has another shape")
                _ = array[: int(array.attrs["written"])]  # checksums
        except (OSError, KeyError, ValueError, RuntimeError):
            path.unlink()
        else:
            return file
    file = h5py.File(path, "w")
    for name, sources in images.items():
        shape = (len(sources), num_views, *sources.shape[1:])
        array = file.create_dataset(
            name, shape, "uint8", chunks=(1, *shape[1:]), compression="gzip", fletcher32=True
        )
        array.attrs["written"] = 0
    file.flush()
    return file


class OrbitFile:
    """The views in a file as a source of images (see `datasets.files.Source`).

    View `k` of image `i` of the first class is number i·views + k; the other classes follow.

    Args:
        path: of the file.

    Attributes:
        counts: images of each class, by name.
        num_views: of an image.

    Raises:
        UnreadableFiles: if it is absent or damaged; so do the methods.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: Any = None
        with self._reading():
            arrays = [(name, array) for name, array in self._open().items()]
            self.counts = {name: len(array) for name, array in arrays}
            self.num_views = int(arrays[0][1].shape[1])

    @property
    def labels(self) -> Tensor:
        """The class [N·views] of each view, counted in the file's order."""
        counts = torch.tensor(list(self.counts.values())) * self.num_views
        return torch.arange(len(counts)).repeat_interleave(counts)

    def read(self, index: int) -> Tensor:
        """Return one view, uint8 [C, H, W]."""
        image, view = divmod(index, self.num_views)
        with self._reading():
            for name, count in self.counts.items():
                if image < count:
                    return torch.from_numpy(self._open()[name][image, view])
                image -= count
        raise IndexError(f"{index}: there are {len(self.labels)} views")

    def load(self, indices: Tensor) -> Tensor:
        """Return the views of indices [N], uint8 [N, C, H, W]."""
        with self._reading():
            file = self._open()
            arrays = [torch.from_numpy(file[name][:]).flatten(0, 1) for name in self.counts]
        return torch.cat(arrays)[indices]

    def check(self, indices: Tensor) -> None:
        """Do nothing: opening the file was the quick look."""

    def _open(self) -> Any:  # noqa: ANN401
        if self._file is None:
            self._file = h5py.File(self.path)
        return self._file

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise UnreadableFiles({self.path.name: reason}, self.path.parent) from None

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open file behind: other processes open their own."""
        return {**self.__dict__, "_file": None}


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process is at work here; the lock dies with its process."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
