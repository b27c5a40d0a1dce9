"""Pictures in TFRecord shards, as published for TensorFlow, any of them at any time.

A shard is a chain of records, each one behind 12 bytes of length and checksum and before 4 bytes of
checksum; a record is an `Example` (as the package `tfrecord` reads it), whose features include the
encoded picture and its label. The chain is walked once; where each record lies, and its label, is
kept in a file beside the shards, so that records can then be read in any order.
"""

import hashlib
import logging
import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from checkpoint import load, save
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
    """Records of some shards: for each one [N] its shard, where it lies and its label as written.

    Attributes:
        shards: the files.
        shard, offset, length: the number of the file, and the bytes of the record in it.
        labels: int64.
    """

    shards: tuple[Path, ...]
    shard: Tensor
    offset: Tensor
    length: Tensor
    labels: Tensor

    def read(self, index: int) -> bytes:
        """Return the encoded picture of a record.

        Raises:
            whatever: a damaged file makes it.
        """
        with self.shards[int(self.shard[index])].open("rb") as file:
            file.seek(int(self.offset[index]))
            return _picture(_features(file.read(int(self.length[index]))))


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

    def _opened(self, index: int) -> BytesIO:
        return BytesIO(self.records.read(index))


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
    made_from = hashlib.sha256(repr(facts).encode()).hexdigest()
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
    """Return (offset, length, label) of each record.

    Raises:
        UnreadableFiles: if it cannot be read.
    """
    rows: list[tuple[int, int, int]] = []
    try:
        with shard.open("rb") as file:
            while head := file.read(HEAD):
                length = int.from_bytes(head[:8], "little")
                record = file.read(min(length, shard.stat().st_size))
                if len(head + record + file.read(TAIL)) < HEAD + length + TAIL:
                    raise Refusal("torn, or compressed")
                features = _features(record)
                _picture(features)
                label = _value(features[LABEL].int64_list, LABEL)
                rows.append((file.tell() - length - TAIL, length, label))
    except Exception as error:  # what protobuf raises is its own affair
        reason = f"record {len(rows)}: {str(error).splitlines()[0]}"
        raise UnreadableFiles({shard.name: reason}, shard.parent) from None
    return rows


def _features(record: bytes) -> Any:  # noqa: ANN401
    """Return the features of a record, by name."""
    from tfrecord.example_pb2 import Example

    return Example.FromString(record).features.feature


def _picture(features: Any) -> bytes:  # noqa: ANN401
    return _value(features[PICTURE].bytes_list, PICTURE)


def _value(values: Any, name: str) -> Any:  # noqa: ANN401
    """Return the only value of a feature."""
    if len(values.value) != 1:
        raise Refusal(f"no {name}")
    return values.value[0]
