"""ImageNet as folders, archives and TFRecord shards: the same pictures from all three."""

import hashlib
import io
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from tfrecord import TFRecordWriter
from torchvision.datasets import imagenet as torchvision_imagenet

from datasets.files import FileSplit, UnreadableFiles
from datasets.imagenet import ARCHIVES, ImageNet
from datasets.pictures import Pictures
from datasets.spec import MissingData, Split
from datasets.tensors import TensorSplit
from datasets.tfrecords import read_index

CLASSES = ("n01", "n02", "n03")
SIZES = {"train": 12, "val": 6}
SETTINGS: dict[str, Any] = {"num_classes": 3, "size": 8, "val_size": 3}
Write = Callable[[], Path]


def jpeg(part: str, number: int) -> bytes:
    """Return a grey picture, whose level tells the part and the number; its class is number % 3."""
    level = 10 * number + (5 if part == "val" else 0)
    file = io.BytesIO()
    Image.new("RGB", (10 + number, 12), (level,) * 3).save(file, "JPEG", quality=95)
    return file.getvalue()


def write_folders(root: Path) -> None:
    """Write part/class/number.JPEG."""
    for part, num in SIZES.items():
        for number in range(num):
            path = root / part / CLASSES[number % 3] / f"{number}.JPEG"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg(part, number))


def write_shards(root: Path, num_shards: int = 2, *, inside: bool = False) -> None:
    """Write part-00000-of-00002 and so on, with labels that count from 1."""
    for part, num in SIZES.items():
        name = "validation" if part == "val" else part
        folder = root / name if inside else root
        folder.mkdir(exist_ok=True, parents=True)
        for shard in range(num_shards):
            writer = TFRecordWriter(str(folder / f"{name}-{shard:05d}-of-{num_shards:05d}"))
            for number in range(shard, num, num_shards):
                example = {
                    "image/class/label": (number % 3 + 1, "int"),
                    "image/encoded": (jpeg(part, number), "byte"),
                    "image/class/synset": (CLASSES[number % 3].encode(), "byte"),
                }
                writer.write(example)
            writer.close()


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Put a file into an archive."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def write_archives(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the three archives as published, and tell torchvision their sums."""
    train, val, devkit = (root / name for name in ARCHIVES)
    with tarfile.open(train, "w") as whole:
        for label, name in enumerate(CLASSES):
            inner = io.BytesIO()
            with tarfile.open(fileobj=inner, mode="w") as part:
                for number in range(label, SIZES["train"], 3):
                    add(part, f"{name}_{number}.JPEG", jpeg("train", number))
            add(whole, f"{name}.tar", inner.getvalue())
    with tarfile.open(val, "w") as whole:
        for number in range(SIZES["val"]):
            add(whole, f"ILSVRC2012_val_{number:08d}.JPEG", jpeg("val", number))
    kinds = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("gloss", "O")]
    rows = [(i + 1, name, f"kind {i}, sort {i}", "", 0) for i, name in enumerate(CLASSES)]
    meta = io.BytesIO()
    savemat(meta, {"synsets": np.array(rows, dtype=[*kinds, ("num_children", "O")])})
    truth = "".join(f"{number % 3 + 1}\n" for number in range(SIZES["val"]))
    with tarfile.open(devkit, "w:gz") as whole:
        add(whole, "ILSVRC2012_devkit_t12/data/meta.mat", meta.getvalue())
        name = "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt"
        add(whole, name, truth.encode())
    sums = {
        path: (path.name, hashlib.md5(path.read_bytes()).hexdigest()) for path in root.iterdir()
    }
    known = {"train": sums[train], "val": sums[val], "devkit": sums[devkit]}
    monkeypatch.setattr(torchvision_imagenet, "ARCHIVE_META", known)


def numbers(split: Split) -> list[int]:
    """Return the levels of a split's pictures, and check their labels."""
    images, targets = next(split.batches(len(split)))
    levels = ((images[:, 0] * 0.229 + 0.485) * 255).round().mean((1, 2)).round().long()
    assert torch.equal(levels // 10 % 3, targets)
    return levels.tolist()


def check(splits: Any, kind: type) -> None:  # noqa: ANN401
    """Check that every picture is there, once, and where it belongs."""
    assert isinstance(splits.train, kind)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (9, 3, 6)
    assert sorted(numbers(splits.train) + numbers(splits.val)) == list(range(0, 120, 10))
    assert sorted(numbers(splits.test)) == list(range(5, 65, 10))
    assert torch.bincount(splits.val.targets).tolist() == [1, 1, 1]


@pytest.mark.parametrize(("memory", "kind"), [(0.0, FileSplit), (1.0, TensorSplit)])
@pytest.mark.parametrize("storage", ["folders", "tfrecord"])
def test_folders_and_shards_hold_the_same(
    tmp_path: Path, storage: str, memory: float, kind: type
) -> None:
    write_folders(tmp_path) if storage == "folders" else write_shards(tmp_path)
    imagenet = ImageNet(str(tmp_path), storage=storage, memory=memory, **SETTINGS)
    splits = imagenet.splits()
    assert imagenet.spec == splits.spec
    check(splits, kind)
    images = pickle.loads(pickle.dumps(splits.train))
    assert numbers(images) == numbers(splits.train), "a part can be sent to another process"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torchvision's way with archives
def test_archives_are_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_archives(tmp_path, monkeypatch)
    check(ImageNet(str(tmp_path), **SETTINGS).splits(), TensorSplit)
    for name in ARCHIVES:
        (tmp_path / name).unlink()
    check(ImageNet(str(tmp_path), **SETTINGS).splits(), TensorSplit)


def test_shards_may_lie_in_folders_and_are_indexed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shards(tmp_path, 3, inside=True)
    check(ImageNet(str(tmp_path), storage="tfrecord", **SETTINGS).splits(), TensorSplit)
    with monkeypatch.context() as patched:
        patched.setattr("datasets.tfrecords._index", lambda _: pytest.fail("read again"))
        check(ImageNet(str(tmp_path), storage="tfrecord", memory=0, **SETTINGS).splits(), FileSplit)
    for path in tmp_path.glob("*/*-of-*"):
        path.unlink()
    write_shards(tmp_path, 1, inside=True)
    check(ImageNet(str(tmp_path), storage="tfrecord", **SETTINGS).splits(), TensorSplit)


def test_an_index_that_cannot_be_kept_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    write_shards(tmp_path)
    monkeypatch.setattr("datasets.tfrecords.save", refuse)
    check(ImageNet(str(tmp_path), storage="tfrecord", **SETTINGS).splits(), TensorSplit)
    assert "train-index.pt cannot be kept (Permission denied)" in caplog.text


def refusal(root: Path, storage: str, **changes: object) -> str:
    """Return the one line about a root that cannot be used."""
    with pytest.raises(MissingData) as caught:
        ImageNet(str(root), storage=storage, **{**SETTINGS, **changes}).splits()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_missing_is_told_in_one_line(tmp_path: Path) -> None:
    line = refusal(tmp_path, "folders")
    assert line.startswith("ImageNet is missing the folder train (The archive ILSVRC2012_devkit")
    assert line.endswith(", ".join(ARCHIVES))
    line = refusal(tmp_path, "tfrecord")
    assert line.startswith(f"no TFRecord shards of train; looked in {tmp_path}; put the shards")
    write_folders(tmp_path)
    assert "has 3 folders of classes, not 1000" in refusal(tmp_path, "folders", num_classes=1000)
    write_shards(tmp_path)
    assert "label 3, where 1 to 2 are labels" in refusal(tmp_path, "tfrecord", num_classes=2)
    (tmp_path / "train-00000-of-00002").unlink()
    line = refusal(tmp_path, "tfrecord")
    assert line.startswith("1 shards like train-00001-of-00002; looked in")
    assert "put all 2 there" in line


@pytest.mark.parametrize("missing", ["image/encoded", "image/class/label"])
def test_records_of_another_kind_are_named(tmp_path: Path, missing: str) -> None:
    write_shards(tmp_path)
    writer = TFRecordWriter(str(tmp_path / "train-00001-of-00002"))
    example = {"image/encoded": (jpeg("train", 0), "byte"), "image/class/label": (1, "int")}
    writer.write(example)
    del example[missing]
    writer.write(example)
    writer.close()
    expected = f"cannot read train-00001-of-00002 (record 1: no {missing}); looked in {tmp_path}; "
    assert refusal(tmp_path, "tfrecord").startswith(expected)


@pytest.mark.parametrize("length", [1, 5, 40, 700])
def test_a_torn_shard_is_named(tmp_path: Path, length: int) -> None:
    write_shards(tmp_path)
    path = tmp_path / "validation-00001-of-00002"
    path.write_bytes(path.read_bytes()[:length])
    assert "cannot read validation-00001-of-00002 (record " in refusal(tmp_path, "tfrecord")


def test_a_damaged_picture_is_named_when_it_is_met(tmp_path: Path) -> None:
    write_shards(tmp_path)
    writer = TFRecordWriter(str(tmp_path / "validation-00001-of-00002"))
    for content in (jpeg("val", 1), b"no picture", jpeg("val", 3)[:300]):
        writer.write({"image/encoded": (content, "byte"), "image/class/label": (1, "int")})
    writer.close()
    line = refusal(tmp_path, "tfrecord")
    assert "cannot read record 1 of validation-00001-of-00002 (not a picture)" in line
    assert "record 2 of validation-00001-of-00002 (" in line
    with pytest.raises(UnreadableFiles, match="record 1 of validation-00001-of-00002"):
        ImageNet(str(tmp_path), storage="tfrecord", memory=0.0, **SETTINGS).splits()


@pytest.mark.parametrize("storage", ["folders", "tfrecord"])
def test_a_rank_opens_its_share_alone(
    tmp_path: Path, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folders(tmp_path) if storage == "folders" else write_shards(tmp_path)
    split = ImageNet(str(tmp_path), storage=storage, memory=0.0, **SETTINGS).splits().train
    opened: list[int] = []
    original = type(split.source)._opened

    def noted(source: Pictures, index: int) -> Any:  # noqa: ANN401
        opened.append(index)
        return original(source, index)

    monkeypatch.setattr(type(split.source), "_opened", noted)
    shares = []
    for rank in range(2):
        list(split.batches(3, seed=0, rank=rank, num_ranks=2))
        shares.append(sorted(opened))
        opened.clear()
    assert sorted(map(len, shares)) == [3, 6]
    assert len({*shares[0], *shares[1]}) == 9


def varint(number: int) -> bytes:
    """Return a number as Protocol Buffers write it."""
    low, rest = number % 128, number // 128
    return bytes([low + 128]) + varint(rest) if rest else bytes([low])


def field(number: int, *parts: bytes | int) -> list[bytes | int]:
    """Return a field that holds the parts; a number stands for so many bytes, whatever they are."""
    length = sum(part if isinstance(part, int) else len(part) for part in parts)
    return [bytes([8 * number + 2]) + varint(length), *parts]


def test_an_index_reads_no_picture(tmp_path: Path) -> None:
    """Three pictures of a gigabyte each are holes in the file, and before their labels."""
    size, path = 2**30, tmp_path / "train-00000-of-00001"
    with path.open("wb") as file:
        for number in range(3):
            label = field(2, *field(3, *field(1, varint(number + 1))))
            picture = field(2, *field(1, *field(1, size + number)))
            example = field(
                1,
                *field(1, *field(1, b"image/encoded"), *picture),
                *field(1, *field(1, b"image/class/label"), *label),
            )
            length = sum(part if isinstance(part, int) else len(part) for part in example)
            for part in (length.to_bytes(8, "little"), bytes(4), *example, bytes(4)):
                file.seek(part, 1) if isinstance(part, int) else file.write(part)

    def bytes_read() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])

    before = bytes_read()
    records = read_index((path,))
    assert bytes_read() - before < 2**18
    assert records.labels.tolist() == [1, 2, 3]
    assert records.length.tolist() == [size, size + 1, size + 2]
    assert (records.offset[1:] - records.offset[:-1] > size).all()
