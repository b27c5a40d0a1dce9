"""A recipe's cells, generated once, by all cores, into one HDF5 file that checks itself.

    <name>.h5       cells, stiffness; attributes: recipe, components, checksum
    <name>.parts/   finished blocks, while the file is not complete: killed work goes on there

Cell i depends on recipe and i alone, so that a file of fewer cells is extended. Threads, and not
processes: the elimination, nearly all of the work, releases the interpreter's lock.
"""

import fcntl
import hashlib
import logging
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from datasets.spec import MissingData
from datasets.unit_cells.materials import Array
from datasets.unit_cells.recipe import COMPONENTS, Recipe
from partial_equiv.refusal import Refusal

__all__ = ["Cells", "obtain"]

Cells = tuple[npt.NDArray[np.uint8], Array]
"""Cells [N, H, W] of zeros and ones, and their stiffness [N, 6]."""

BLOCK = 50  # cells: what a killed process may lose

log = logging.getLogger(__name__)


def obtain(folder: Path, recipe: Recipe, num: int, num_workers: int | None = None) -> Cells:
    """Return the first `num` cells of a recipe, from its file, which is generated as far as needed.

    Args:
        folder: of the file.
        recipe: of the cells.
        num: cells.
        num_workers: threads; None: one for each core.

    Raises:
        MissingData: if the file is damaged.
        Refusal: if the recipe gives no cells.
    """
    path = folder / f"{recipe.name}.h5"
    if not path.exists() or len((found := _read(path, recipe))[0]) < num:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f".{recipe.name}.lock"):
            found = _extended(path, recipe, num, num_workers)
    cells, stiffness = found
    return cells[:num], stiffness[:num]


def _extended(path: Path, recipe: Recipe, num: int, num_workers: int | None) -> Cells:
    """Generate what the file lacks, unless another process has done so meanwhile."""
    blocks = [_read(path, recipe)] if path.exists() else []
    have = len(blocks[0][0]) if blocks else 0
    if have >= num:
        return blocks[0]
    folder, parts = path.parent, path.with_suffix(".parts")
    parts.mkdir(exist_ok=True)
    workers = num_workers or len(os.sched_getaffinity(0))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="homogenise")
    bar = tqdm(total=num, initial=have, desc="homogenising", unit="cell", disable=None, leave=False)
    try:
        with threadpool_limits(1, user_api="blas"), bar:  # each cell has a thread already
            for start in range(have, num, BLOCK):
                stop = min(start + BLOCK, num)
                part = parts / f"{start}-{stop}.npz"
                block = _read_part(part, stop - start)
                if block is None:
                    made = []
                    for pair in pool.map(recipe.make, range(start, stop)):
                        made.append(pair)
                        bar.update()
                    block = np.stack([cell for cell, _ in made]), np.stack([q for _, q in made])
                    _write_part(part, block)
                else:
                    bar.update(stop - start)
                blocks.append(block)
    except KeyboardInterrupt:
        kept = sum(len(cells) for cells, _ in blocks)
        log.warning("%d of %d cells are kept in %s: generation goes on there", kept, num, folder)
        raise
    finally:  # an interrupted user need not wait
        pool.shutdown(cancel_futures=True)
    whole = tuple(np.concatenate(arrays) for arrays in zip(*blocks, strict=True))
    found = whole[0], whole[1]
    _write(path, recipe, found)
    shutil.rmtree(parts)
    return found


def _write(path: Path, recipe: Recipe, found: Cells) -> None:
    """Write the file so that it is at any time absent, old or new."""
    cells, stiffness = found
    unfinished = path.with_name(f".{path.name}.unfinished")
    with h5py.File(unfinished, "w") as file:
        file.create_dataset("cells", data=cells, compression="gzip", shuffle=True)
        file["stiffness"] = stiffness
        file.attrs["recipe"] = recipe.text
        file.attrs["components"] = ",".join(COMPONENTS)
        file.attrs["checksum"] = _checksum(recipe, found)
    _settle(unfinished, path)


def _read(path: Path, recipe: Recipe) -> Cells:
    try:
        with h5py.File(path) as file:
            found = file["cells"][:], file["stiffness"][:]
            expected = file.attrs["checksum"]
        if _checksum(recipe, found) != expected:
            raise Refusal("its checksum is wrong")
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise MissingData(
            f"{path.name} is damaged ({reason})",
            path.parent,
            "delete the file: it is generated afresh",
        ) from None
    return found


def _checksum(recipe: Recipe, found: Cells) -> str:
    digest = hashlib.sha256(recipe.text.encode())
    for array in found:
        digest.update(f"{array.shape} {array.dtype.str}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _write_part(path: Path, block: Cells) -> None:
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez_compressed(file, cells=block[0], stiffness=block[1])
    _settle(unfinished, path)


def _read_part(path: Path, num: int) -> Cells | None:
    """Return a finished block of so many cells; None if it is absent or damaged."""
    try:
        with (
            path.open("rb") as file,
            np.load(file, allow_pickle=False) as arrays,
        ):  # a zip file, which has checksums
            block = arrays["cells"], arrays["stiffness"]
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error):
        return None
    return block if len(block[0]) == len(block[1]) == num else None


def _settle(unfinished: Path, path: Path) -> None:
    """Give a finished file its name, once it is on the disk."""
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process is at work here; the lock dies with its process."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
