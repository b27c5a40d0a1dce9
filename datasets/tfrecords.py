"""Pictures in TFRecord shards, as published for TensorFlow, any of them at any time.

A shard is a chain of records, each one behind 12 bytes of length and checksum and before 4 bytes of
checksum; a record is an `Example` (see `examples`), whose features include the encoded picture and
its label. The chain is walked once, over the pictures and not through them; where each one lies,
and its label, is kept in a file beside the shards: they can then be read in any order.
"""

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import torch
from PIL.ContainerIO import ContainerIO
from torch import Tensor
from tqdm import tqdm

from checkpoint import load, save
from datasets.examples import Features
from datasets.files import UnreadableFiles
from datasets.pictures import Pictures
from datasets.spec import Fit, MissingData
from partial_equiv.refusal import Refusal

__all__ = ["RecordPictures", "Records", "find_shards", "read_index"]

PICTURE, LABEL = "image/encoded", "image/class/label"
HEAD, TAIL = 12, 4  # bytes around a record
SHARD = re.compile(r"-(\d+)-of-(\d+)(\.tfrecord)?")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Records:
    """The pictures in some shards: of each one [N] its shard, where it lies, and its label.

    Attributes:
        shards: the files.
        shard, offset, length: the number of the file, and the bytes of the picture in it.
        labels: int64, as written.
    """

    shards: tuple[Path, ...]
    shard: Tensor
    offset: Tensor
    length: Tensor
    labels: Tensor

    def opened(self, index: int) -> IO[bytes]:
        """Open a picture, as if it were a file of its own."""
        file = self.shards[int(self.shard[index])].open("rb")
        part = ContainerIO(file, int(self.offset[index]), int(self.length[index]))
        return cast(IO[bytes], part)


class RecordPictures(Pictures):
    """The pictures of records, as uint8 [C, size, size]."""

    def __init__(
        self, root: Path, records: Records, size: int, fit: Fit = "crop", grey: bool = False
    ) -> None:
        super().__init__(root, (), size, fit, grey)
        self.records = records

    def _name(self, index: int) -> str:
        shard = int(self.records.shard[index])
        number = index - int((self.records.shard < shard).sum())
        return f"record {number} of {self.records.shards[shard].name}"

    def _opened(self, index: int) -> IO[bytes]:
        return self.records.opened(index)


def find_shards(root: Path, *parts: str) -> tuple[Path, ...]:
    """Return all shards `root`/<part>-00000-of-… of the first part that has some, in their order.

    They may also lie in folders `root`/<part>.

    Raises:
        MissingData: if there are none, or not all.
    """
    for place in (*(root / part for part in parts), root):
        names = sorted(place.glob("*-of-*"))
        shards = [path for path in names if SHARD.search(path.name)]
        shards = [path for path in shards if place != root or path.name.startswith(parts)]
        if shards:
            break
    else:
        remedy = f"put the shards {parts[0]}-00000-of-… there"
        raise MissingData(f"no TFRecord shards of {parts[0]}", root, remedy)
    found = [SHARD.search(path.name) for path in shards]
    numbers = [(int(match[1]), int(match[2])) for match in found if match]
    num = numbers[0][1]
    if numbers != [(i, num) for i in range(num)]:
        what = f"{len(shards)} shards like {shards[0].name}"
        raise MissingData(what, place, f"put all {num} there, and no others")
    return tuple(shards)


def read_index(shards: tuple[Path, ...]) -> Records:
    """Return the records of shards, from the file beside them if that was made from the same ones.

    Raises:
        UnreadableFiles: naming a shard that is damaged.
    """
    folder, stem = shards[0].parent, SHARD.split(shards[0].name)[0]
    path = folder / f".{stem}-index.pt"
    facts = [(each.name, each.stat().st_size, each.stat().st_mtime_ns) for each in shards]
    made_from = hashlib.sha256(f"pictures {facts}".encode()).hexdigest()
    try:
        kept = load(path)
    except ValueError:  # none yet, or damaged
        kept = {}
    if kept.get("made_from") == made_from:
        return Records(shards, *(kept[name] for name in ("shard", "offset", "length", "labels")))
    parts = []
    bar = tqdm(shards, "indexing shards", unit="file", disable=None, leave=False)
    for number, shard in enumerate(bar):
        rows = torch.tensor(_index(shard), dtype=torch.int64).view(-1, 3)  # [n, 3]
        parts.append(torch.cat([torch.full((len(rows), 1), number), rows], dim=1))
    records = Records(shards, *torch.cat(parts).T.contiguous())
    try:
        content = {name: getattr(records, name) for name in ("shard", "offset", "length", "labels")}
        save(path, {"made_from": made_from, **content})
    except OSError as error:
        logger.warning("%s cannot be kept (%s): each run reads all shards", path, error.strerror)
    return records


def _index(shard: Path) -> list[tuple[int, int, int]]:
    """Return (offset, length, label) of the picture in each record.

    Raises:
        UnreadableFiles: if it cannot be read.
    """
    rows: list[tuple[int, int, int]] = []
    try:
        size, end = shard.stat().st_size, 0
        with shard.open("rb") as file:
            while head := file.read(HEAD):
                start, end = file.tell(), file.tell() + int.from_bytes(head[:8], "little")
                if end + TAIL > size:
                    raise Refusal("torn, or compressed")
                features = Features(file, range(start, end))
                picture = features.picture(PICTURE)
                rows.append((picture.start, len(picture), features.label(LABEL)))
                file.seek(end + TAIL)
    except (OSError, Refusal) as error:
        reason = f"record {len(rows)}: {str(error).splitlines()[0]}"
        raise UnreadableFiles({shard.name: reason}, shard.parent) from None
    return rows
