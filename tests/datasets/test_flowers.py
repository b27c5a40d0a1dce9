"""Flowers 102 from real .mat lists and JPEG files."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from torchvision import datasets as torchvision_datasets

from datasets.files import FileSplit, UnreadableFiles
from datasets.flowers import Flowers102
from datasets.spec import MissingData

LABELS = [1, 2, 2, 2, 1, 1, 1, 2]  # of images 1 to 8, from 1
PARTS = {"trnid": [8, 1, 2, 6], "valid": [3, 5], "tstid": [4, 7]}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the root of eight flowers; image n has grey level 25 n."""
    folder = tmp_path / "flowers-102"
    (folder / "jpg").mkdir(parents=True)
    for number in range(1, 9):
        picture = Image.new("RGB", (60 + number, 50), (25 * number,) * 3)
        picture.save(folder / "jpg" / f"image_{number:05d}.jpg")
    savemat(folder / "imagelabels.mat", {"labels": np.array([LABELS], np.uint8)})
    savemat(folder / "setid.mat", {name: np.array([ids], np.uint16) for name, ids in PARTS.items()})
    source = torchvision_datasets.Flowers102
    sums = {
        key: (name, hashlib.md5((folder / name).read_bytes()).hexdigest())
        for key, (name, _) in source._file_dict.items()
        if key != "image"
    }
    monkeypatch.setattr(source, "classes", source.classes[:2])
    monkeypatch.setattr(source, "_file_dict", {**source._file_dict, **sums})
    return tmp_path


@pytest.mark.parametrize("memory", [0.0, 1.0])
def test_the_published_splits_are_read(root: Path, memory: float) -> None:
    flowers = Flowers102(str(root), size=20, memory=memory, download=False)
    splits = flowers.splits()
    assert flowers.spec == splits.spec
    assert (flowers.spec.num_classes, flowers.spec.size) == (2, (20, 20))
    for split, ids in zip((splits.train, splits.val, splits.test), PARTS.values(), strict=True):
        assert isinstance(split, FileSplit) == (memory == 0)
        images, targets = next(split.batches(4))
        assert images.shape == (len(ids), 3, 20, 20)
        assert targets.tolist() == [LABELS[number - 1] - 1 for number in ids]
        levels = (images * 0.229 + 0.485)[:, 0].mean((1, 2)) * 255
        assert (levels - 25 * torch.tensor(ids)).abs().max() < 2


def test_parts_are_balanced(root: Path) -> None:
    splits = Flowers102(str(root), size=4, train_size=2, val_size=1).splits()
    assert (len(splits.train), len(splits.val), len(splits.test)) == (2, 1, 2)
    assert sorted(splits.train.targets.tolist()) == [0, 1]


def test_missing_files_take_one_line(root: Path) -> None:
    folder = root / "flowers-102"
    (folder / "setid.mat").unlink()
    for download in (True, False):
        with pytest.raises(MissingData, match=r"^Flowers102 is missing setid.mat \(") as caught:
            Flowers102(str(root), download=download).splits()
        assert "\n" not in str(caught.value)
    (folder / "setid.mat").write_bytes(b"torn")
    with pytest.raises(MissingData, match=r"^setid.mat of Flowers102 is damaged"):
        Flowers102(str(root)).splits()
    with pytest.raises(MissingData, match=r"is missing jpg, imagelabels.mat, setid.mat"):
        Flowers102(str(root / "elsewhere"), download=False).splits()


def test_a_missing_photograph_is_named(root: Path) -> None:
    (root / "flowers-102" / "jpg" / "image_00005.jpg").unlink()
    for memory in (0.0, 1.0):
        with pytest.raises(UnreadableFiles, match=r"image_00005.jpg \(No such file"):
            Flowers102(str(root), size=4, memory=memory, download=False).splits()
