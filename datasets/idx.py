"""Checksums of IDX files, which are published for their archives alone.

An archive `<name>.gz` ends with the CRC-32 of what it holds, so that an archive with the published
MD5 sum vouches for the file that was unpacked from it. MNIST's own files are known by themselves.
"""

import logging
import zlib
from pathlib import Path

from datasets.published import PublishedFiles

__all__ = ["check_idx"]

SIZES = {  # bytes of MNIST's files, and of Fashion-MNIST's
    "train-images-idx3-ubyte": 47_040_016,
    "train-labels-idx1-ubyte": 60_008,
    "t10k-images-idx3-ubyte": 7_840_016,
    "t10k-labels-idx1-ubyte": 10_008,
}
MNIST_CRC32 = {
    "train-images-idx3-ubyte": 3925137587,
    "train-labels-idx1-ubyte": 3771419346,
    "t10k-images-idx3-ubyte": 2436316127,
    "t10k-labels-idx1-ubyte": 1253699577,
}
PER_CLASS = {"train-labels-idx1-ubyte": 6000, "t10k-labels-idx1-ubyte": 1000}  # in Fashion-MNIST

logger = logging.getLogger(__name__)


def check_idx(files: PublishedFiles, name: str, archive_md5: str) -> None:
    """Compare a file with what is published of it.

    A file of another size is somebody's own: that is said in the log. Without its archive, a file
    of Fashion-MNIST cannot be compared; only the number of labels of each class is then known.

    Raises:
        MissingData: if it is damaged.
    """
    path = files.place / name
    size = path.stat().st_size
    if size != SIZES[name]:
        logger.warning("%s has %d bytes and is not the published one: unchecked", path, size)
        return
    content = path.read_bytes()
    expected = MNIST_CRC32[name] if files.name == "MNIST" else _vouched(path, archive_md5)
    if expected is not None and zlib.crc32(content) != expected:
        raise files.damaged(name, "its checksum is not the published one")
    if files.name == "FashionMNIST" and name in PER_CLASS:
        counts = [content[8:].count(label) for label in range(10)]
        if counts != [PER_CLASS[name]] * 10:
            reason = f"{', '.join(map(str, counts))} labels of its classes, not {PER_CLASS[name]}"
            raise files.damaged(name, reason)


def _vouched(path: Path, archive_md5: str) -> int | None:
    """Return the CRC-32 that a file's archive has for it, if that is there and as published."""
    from torchvision.datasets.utils import check_integrity

    archive = path.with_name(f"{path.name}.gz")
    if not check_integrity(archive, archive_md5):
        return None
    return int.from_bytes(archive.read_bytes()[-8:-4], "little")
