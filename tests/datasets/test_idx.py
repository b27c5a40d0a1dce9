"""MNIST's files against what is published of them: damage is refused, others' files are told."""

import gzip
import hashlib
import zlib
from pathlib import Path

import pytest
from torchvision import datasets as torchvision_datasets

from datasets import idx
from datasets.mnist import MNIST
from datasets.spec import MissingData

LABELS, IMAGES = "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"


def flip(path: Path, place: int, value: int) -> None:
    """Change one byte."""
    content = bytearray(path.read_bytes())
    content[place] = value
    path.write_bytes(content)


@pytest.fixture
def published(mnist_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a small MNIST, whose sizes and sums are the published ones."""
    raw = mnist_root / "MNIST" / "raw"
    for name in idx.SIZES:
        content = (raw / name).read_bytes()
        monkeypatch.setitem(idx.SIZES, name, len(content))
        monkeypatch.setitem(idx.MNIST_CRC32, name, zlib.crc32(content))
    return raw


@pytest.mark.parametrize(("name", "place"), [(LABELS, 20), (IMAGES, 900)])
def test_a_flipped_byte_is_noticed(
    published: Path, name: str, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    mnist = MNIST(str(published.parents[1]), val_size=20)
    mnist.splits()
    assert not caplog.records
    flip(published / name, place, 5)
    with pytest.raises(MissingData, match=f"^{name} of MNIST is damaged .its checksum is not"):
        mnist.splits()


def test_somebodys_own_files_are_told_and_their_labels_checked(
    mnist_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mnist = MNIST(str(mnist_root), val_size=20)
    mnist.splits()
    assert f"{LABELS} has 68 bytes and is not the published one: unchecked" in caplog.text
    flip(mnist_root / "MNIST" / "raw" / LABELS, 8 + 7, 12)
    with pytest.raises(MissingData, match=f"^{LABELS} of MNIST is damaged .label 12 of image 7, "):
        mnist.splits()


def test_fashion_is_known_by_its_archives_or_its_counts(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, num in ((LABELS, 6), ("t10k-labels-idx1-ubyte", 2)):
        monkeypatch.setitem(idx.PER_CLASS, name, num)
    raw = published.parents[1] / "FashionMNIST" / "raw"
    raw.parent.mkdir()
    published.rename(raw)
    sums = []
    for name in idx.SIZES:
        archive = gzip.compress((raw / name).read_bytes())
        (raw / f"{name}.gz").write_bytes(archive)
        sums.append((f"{name}.gz", hashlib.md5(archive).hexdigest()))
    monkeypatch.setattr(torchvision_datasets.FashionMNIST, "resources", sums)
    fashion = MNIST(str(raw.parents[1]), variant="FashionMNIST", val_size=20, download=False)
    fashion.splits()
    flip(raw / IMAGES, 900, 5)
    with pytest.raises(MissingData, match=f"^{IMAGES} of FashionMNIST is damaged .its checksum"):
        fashion.splits()
    for archive in raw.glob("*.gz"):
        archive.unlink()
    fashion.splits()
    flip(raw / LABELS, 8, 1)
    with pytest.raises(MissingData, match=f"^{LABELS} of FashionMNIST is damaged .5, 7, 6, "):
        fashion.splits()
