"""PatchCamelyon from real HDF5 files: streamed or in memory, packed, torn, missing."""

import gzip
import pickle
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from datasets.files import FileSplit
from datasets.pcam import PCam
from datasets.spec import MissingData
from datasets.tensors import TensorSplit

SIZES = {"train": 24, "valid": 12, "test": 8}


def patches(num: int, first: int) -> np.ndarray:
    """Return [N, 96, 96, 3]: red above, and the patch's number at the left of its last row."""
    images = np.zeros((num, 96, 96, 3), np.uint8)
    images[:, :48, :, 0] = 200
    images[:, -1, 0, 2] = np.arange(num) + first
    return images


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the root of a small PatchCamelyon; no download is possible."""
    monkeypatch.setitem(sys.modules, "gdown", None)
    (tmp_path / "pcam").mkdir()
    for i, (part, num) in enumerate(SIZES.items()):
        stem = tmp_path / "pcam" / f"camelyonpatch_level_2_split_{part}"
        with h5py.File(f"{stem}_x.h5", "w") as file:
            file["x"] = patches(num, 50 * i)
        with h5py.File(f"{stem}_y.h5", "w") as file:
            file["y"] = (np.arange(num) % 2).astype(np.uint8).reshape(num, 1, 1, 1)
    return tmp_path


@pytest.mark.parametrize("memory", [0.0, 1.0])
def test_the_published_splits_are_read(root: Path, memory: float) -> None:
    pcam = PCam(str(root), memory=memory)
    splits = pcam.splits()
    for i, split in enumerate((splits.train, splits.val, splits.test)):
        assert type(split) is (TensorSplit if memory else FileSplit)
        num = list(SIZES.values())[i]
        images, targets = next(split.batches(num))
        assert images.shape == (num, pcam.spec.in_channels, *pcam.spec.size)
        assert targets.tolist() == [number % pcam.spec.num_classes for number in range(num)]
        mean, std = (torch.tensor(each).view(3, 1, 1) for each in (pcam.spec.mean, pcam.spec.std))
        pixels = ((images * std + mean) * 255).round().to(torch.uint8)
        assert torch.equal(pixels, torch.from_numpy(patches(num, 50 * i)).permute(0, 3, 1, 2))


def test_memory_changes_nothing(root: Path) -> None:
    settings = {"train_size": 10, "val_size": 6, "augment_flip": True, "augment_crop": 4}
    one, two = (PCam(str(root), memory=gib, **settings).splits() for gib in (0.0, 1.0))
    for name, num in (("train", 10), ("val", 6), ("test", 8)):
        streamed, held = getattr(one, name), getattr(two, name)
        assert len(streamed) == num
        pairs = zip(streamed.batches(4, seed=3), held.batches(4, seed=3), strict=True)
        for left, right in pairs:
            assert torch.equal(left[0], right[0])
            assert torch.equal(left[1], right[1])
    assert torch.bincount(one.train.targets).tolist() == [5, 5]
    assert torch.bincount(one.val.targets).tolist() == [3, 3]


def test_an_open_split_can_be_sent_to_another_process(root: Path) -> None:
    train = PCam(str(root), memory=0.0).splits().train
    first = next(train.batches(5))[0]
    assert torch.equal(next(pickle.loads(pickle.dumps(train)).batches(5))[0], first)


def test_archives_are_unpacked(root: Path) -> None:
    for path in list((root / "pcam").iterdir()):
        with gzip.open(f"{path}.gz", "wb") as packed:
            packed.write(path.read_bytes())
        path.unlink()
    assert len(PCam(str(root)).splits().train) == 24
    assert not list((root / "pcam").glob("*.unfinished"))


@pytest.mark.parametrize("download", [True, False])
def test_missing_files_take_one_line(root: Path, download: bool) -> None:
    (root / "pcam" / "camelyonpatch_level_2_split_valid_x.h5").unlink()
    with pytest.raises(MissingData) as caught:
        PCam(str(root), download=download).splits()
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith("PCam is missing camelyonpatch_level_2_split_valid_x.h5 (")
    assert ("'gdown' is required" in line) == download
    assert "a folder that holds pcam" in line


@pytest.mark.parametrize("key", ["x", "y"])
@pytest.mark.parametrize("memory", [0.0, 1.0])
def test_torn_files_take_one_line(root: Path, key: str, memory: float) -> None:
    path = root / "pcam" / f"camelyonpatch_level_2_split_train_{key}.h5"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(MissingData, match=r"of PCam is damaged \(.*trunc") as caught:
        PCam(str(root), memory=memory).splits()
    assert "\n" not in str(caught.value)


def test_a_torn_archive_takes_one_line(root: Path) -> None:
    path = root / "pcam" / "camelyonpatch_level_2_split_test_x.h5"
    Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes())[:-20])
    path.unlink()
    with pytest.raises(MissingData, match=f"^the archive {path.name}.gz is damaged "):
        PCam(str(root)).splits()
    assert not path.exists()


@pytest.mark.parametrize("memory", [0.0, 1.0])
def test_files_that_disagree_take_one_line(root: Path, memory: float) -> None:
    stem = root / "pcam" / "camelyonpatch_level_2_split_test"
    with h5py.File(f"{stem}_y.h5", "w") as file:
        file["y"] = np.zeros((7, 1, 1, 1), np.uint8)
    with pytest.raises(MissingData, match=r"test_y.h5 \(7 labels for 8 images\)"):
        PCam(str(root), memory=memory).splits()
    with h5py.File(f"{stem}_x.h5", "w") as file:
        file["x"] = np.zeros((7, 32, 32, 3), np.uint8)
    with pytest.raises(MissingData, match=r"test_x.h5 \(has shape \(7, 32, 32, 3\)\)"):
        PCam(str(root), memory=memory).splits()
