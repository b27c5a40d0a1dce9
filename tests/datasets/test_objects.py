"""CIFAR and STL-10 from their real files: pickles and raw bytes, checked by MD5 sums."""

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets as torchvision_datasets

from datasets.objects import Objects
from datasets.spec import MissingData, Split

Write = Callable[[str], Path]
VARIANTS = pytest.mark.parametrize("variant", ["CIFAR10", "CIFAR100", "STL10"])
TRAIN, TEST = 200, 100


def picture(number: int, side: int) -> np.ndarray:
    """Return [3, side, side]: red above, green to the left, and the number in a corner."""
    pixels = np.zeros((3, side, side), np.uint8)
    pixels[0, : side // 2] = 250
    pixels[1, :, : side // 4] = 150
    pixels[2, -1, -1] = number
    return pixels


def cifar(folder: Path, variant: str) -> None:
    """Write batches of pickled dictionaries, as published."""
    key = "labels" if variant == "CIFAR10" else "fine_labels"
    source = getattr(torchvision_datasets, variant)
    names = [name for name, _ in source.train_list]
    per_file = TRAIN // len(names)
    sizes = {name: range(i * per_file, (i + 1) * per_file) for i, name in enumerate(names)}
    sizes[source.test_list[0][0]] = range(TEST)
    for name, numbers in sizes.items():
        data = np.stack([picture(number, 32).reshape(-1) for number in numbers])
        labels = [number % (10 if variant == "CIFAR10" else 100) for number in numbers]
        (folder / name).write_bytes(pickle.dumps({"data": data, key: labels}))
    names = list(Objects(variant=variant).spec.class_names)
    (folder / source.meta["filename"]).write_bytes(pickle.dumps({source.meta["key"]: names}))


def stl10(folder: Path) -> None:
    """Write raw bytes, column by column; labels count from 1."""
    for part, num in (("train", TRAIN), ("test", TEST), ("unlabeled", 2)):
        pictures = np.stack([picture(number, 96) for number in range(num)])
        pictures.transpose(0, 1, 3, 2).tofile(folder / f"{part}_X.bin")
        if part != "unlabeled":
            (np.arange(num) % 10 + 1).astype(np.uint8).tofile(folder / f"{part}_y.bin")


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a writer of small sets, whose MD5 sums torchvision is told to be the right ones."""

    def write(variant: str) -> Path:
        source = getattr(torchvision_datasets, variant)
        folder = tmp_path / source.base_folder
        folder.mkdir()
        stl10(folder) if variant == "STL10" else cifar(folder, variant)

        def summed(files: list[list[str]]) -> list[list[str]]:
            return [
                [name, hashlib.md5((folder / name).read_bytes()).hexdigest()] for name, _ in files
            ]

        for files in ("train_list", "test_list"):
            monkeypatch.setattr(source, files, summed(getattr(source, files)))
        if variant != "STL10":
            ((_, md5),) = summed([[source.meta["filename"], ""]])
            monkeypatch.setattr(source, "meta", {**source.meta, "md5": md5})
        return tmp_path

    return write


def numbers(split: Split) -> list[int]:
    """Return the numbers in the corners."""
    images, _ = next(split.batches(len(split)))
    spec = split.spec
    return ((images[:, 2, -1, -1] * spec.std[2] + spec.mean[2]) * 255).round().long().tolist()


@VARIANTS
def test_pictures_are_upright_and_labelled(write: Write, variant: str) -> None:
    objects = Objects(str(write(variant)), variant=variant, val_size=100, download=False)
    splits = objects.splits()
    assert (len(splits.train), len(splits.val), len(splits.test)) == (100, 100, 100)
    assert sorted(numbers(splits.train) + numbers(splits.val)) == list(range(200))
    assert numbers(splits.test) == list(range(100))
    spec, side = objects.spec, objects.spec.size[0]
    assert spec == splits.spec
    for split in (splits.train, splits.val, splits.test):
        images, targets = next(split.batches(100))
        assert targets.tolist() == [number % spec.num_classes for number in numbers(split)]
        mean, std = (torch.tensor(each).view(3, 1, 1) for each in (spec.mean, spec.std))
        pixels = ((images * std + mean) * 255).round().to(torch.uint8)
        expected = torch.from_numpy(picture(0, side))
        expected[2, -1, -1] = pixels[0, 2, -1, -1]
        assert torch.equal(pixels[0], expected)


@VARIANTS
def test_classes_are_in_proportion(write: Write, variant: str) -> None:
    root = str(write(variant))
    splits = Objects(root, variant=variant, val_size=100, train_size=100).splits()
    assert len(splits.train) == 100
    num_classes = splits.spec.num_classes
    assert set(torch.bincount(splits.val.targets).tolist()) == {100 // num_classes}
    assert torch.bincount(splits.train.targets).max() == 100 // num_classes
    other = Objects(root, variant=variant, val_size=100, split_seed=1).splits()
    assert numbers(other.val) != numbers(splits.val)


def test_augmentation_touches_training_alone(write: Write) -> None:
    root = str(write("CIFAR10"))
    plain, augmented = (
        Objects(root, val_size=100, augment_flip=flip, augment_crop=4 * flip).splits()
        for flip in (False, True)
    )
    for name in ("train", "val", "test"):
        one, two = (next(getattr(each, name).batches(9, seed=0))[0] for each in (plain, augmented))
        assert torch.equal(one, two) == (name != "train")


@VARIANTS
@pytest.mark.parametrize("download", [True, False])
def test_missing_files_take_one_line(tmp_path: Path, variant: str, download: bool) -> None:
    with pytest.raises(MissingData) as caught:
        Objects(str(tmp_path), variant=variant, download=download).splits()
    folder = getattr(torchvision_datasets, variant).base_folder
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{variant} is missing ")
    assert f"looked in {tmp_path / folder}; run once with a network" in line
    assert f"a folder that holds {folder}" in line


@VARIANTS
@pytest.mark.parametrize("download", [True, False])
def test_a_damaged_file_is_named(write: Write, variant: str, download: bool) -> None:
    root = write(variant)
    name = {"CIFAR10": "data_batch_3", "CIFAR100": "test", "STL10": "train_X.bin"}[variant]
    (path,) = root.rglob(name)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(MissingData, match=rf"^{name} of {variant} is damaged \(") as caught:
        Objects(str(root), variant=variant, val_size=100, download=download).splits()
    assert "delete that folder" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_torn_archive_takes_one_line(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"\x1f\x8b\x08 torn")
    with pytest.raises(
        MissingData, match=r"CIFAR10 is missing data_batch_1, .* \(.*resolution|not known"
    ):
        Objects(str(tmp_path)).splits()


def test_files_of_another_kind_take_one_line(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write("STL10")
    short = root / "stl10_binary" / "train_y.bin"
    short.write_bytes(short.read_bytes()[:-1])
    monkeypatch.setattr(torchvision_datasets.STL10, "_check_integrity", lambda _: True)
    with pytest.raises(MissingData, match="199 labels for images of shape"):
        Objects(str(root), variant="STL10", val_size=100).splits()


def test_class_names_are_complete() -> None:
    names = {v: Objects(variant=v).spec.class_names for v in ("CIFAR10", "CIFAR100", "STL10")}
    assert {v: len(set(each)) for v, each in names.items()} == {
        "CIFAR10": 10,
        "CIFAR100": 100,
        "STL10": 10,
    }
    assert all(list(each) == sorted(each) for each in names.values())
