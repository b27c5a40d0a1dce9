"""A user's own pictures: both layouts, hold-outs, and one line for whatever is wrong."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from datasets.files import FileSplit, UnreadableFiles
from datasets.image_folder import ImageFolder
from datasets.spec import MissingData, Split
from tests.terminal import Terminal


def write(folder: Path, num: int, level: int, suffix: str = "png") -> None:
    """Write grey pictures of several sizes, number i with level + i."""
    folder.mkdir(parents=True)
    for i in range(num):
        Image.new("RGB", (10 + i, 12), (level + i,) * 3).save(folder / f"{i}.{suffix}")


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Return a root of two classes, 20 cats (levels 0 to 19) and 10 dogs (100 to 109)."""
    write(tmp_path / "flat" / "dog" / "inside", 10, 100)
    write(tmp_path / "flat" / "cat", 20, 0)
    (tmp_path / "flat" / "cat" / "notes.txt").touch()
    (tmp_path / "flat" / ".hidden").mkdir()
    return tmp_path / "flat"


@pytest.fixture
def presplit(tmp_path: Path) -> Path:
    """Return a root with train (12 pictures) and test (3)."""
    for part, first, num in (("train", 0, 6), ("test", 20, 2)):
        write(tmp_path / "presplit" / part / "b", num, 100 + first)
        write(tmp_path / "presplit" / part / "a", num, first)
    (tmp_path / "presplit" / "test" / "a" / "1.png").unlink()
    return tmp_path / "presplit"


def levels(split: Split) -> list[int]:
    """Return the grey levels of a split's pictures, and check their labels."""
    images, targets = next(split.batches(len(split)))
    found = ((images[:, 0] * 0.229 + 0.485) * 255).round().mean((1, 2)).long()
    assert torch.equal(found >= 100, targets == 1)
    return found.tolist()


@pytest.mark.parametrize("memory", [0.0, 1.0])
def test_a_flat_root_is_split(flat: Path, memory: float) -> None:
    folder = ImageFolder(str(flat), size=8, test_size=0.2, val_size=6, memory=memory)
    splits = folder.splits()
    assert folder.spec == splits.spec
    assert folder.spec.class_names == ("cat", "dog")
    assert folder.spec.size == (8, 8)
    parts = [levels(part) for part in (splits.train, splits.val, splits.test)]
    assert [len(part) for part in parts] == [18, 6, 6]
    assert sorted(chain(*parts)) == [*range(20), *range(100, 110)]
    assert [sum(level >= 100 for level in part) for part in parts] == [6, 2, 2]
    assert isinstance(splits.train, FileSplit) == (memory == 0)
    other = ImageFolder(str(flat), size=8, split_seed=1).splits()
    assert levels(other.test) != parts[2]


def test_memory_changes_nothing(flat: Path) -> None:
    settings = {"size": 8, "train_size": 9, "augment_flip": True, "augment_rotation": 20.0}
    streamed, held = (ImageFolder(str(flat), memory=gib, **settings).splits() for gib in (0.0, 1.0))
    for name in ("train", "val", "test"):
        splits = (getattr(each, name).batches(4, seed=2) for each in (streamed, held))
        for left, right in zip(*splits, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(left, right, strict=True))
    assert torch.bincount(held.train.targets).tolist() == [6, 3]


def test_given_splits_are_kept(presplit: Path) -> None:
    splits = ImageFolder(str(presplit), size=8, val_size=4).splits()
    assert levels(splits.test) == [20, 120, 121]
    assert sorted(levels(splits.train) + levels(splits.val)) == [*range(6), *range(100, 106)]
    assert len(splits.val) == 4
    write(presplit / "val" / "a", 2, 50)
    splits = ImageFolder(str(presplit), size=8, val_size=4).splits()
    assert levels(splits.train) == [*range(6), *range(100, 106)]
    assert levels(splits.val) == [50, 51]


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    write(tmp_path / "plane", 4, 0)
    write(tmp_path / "train", 4, 100)
    folder = ImageFolder(str(tmp_path), size=8, val_size=2, test_size=2)
    assert folder.spec.class_names == ("plane", "train")
    assert len(folder.splits().train) == 4


def test_channels_and_normalisation_can_be_chosen(flat: Path) -> None:
    grey = ImageFolder(str(flat), size=8, grey=True, mean=(0.5,), std=(0.25,), val_size=1)
    assert grey.spec.in_channels == 1
    images, _ = next(grey.splits().test.batches(1))
    assert images.shape == (1, 1, 8, 8)
    assert images.mean() < (20 / 255 - 0.5) / 0.25
    assert ImageFolder(str(flat), grey=True).spec.mean == (0.449,)
    with pytest.raises(ValueError, match=r"^mean=\[0.5\]: grey=False needs 3 values"):
        ImageFolder(str(flat), mean=(0.5,))
    with pytest.raises(ValueError, match=r"^std=\[0, 1, 1\]: should have no zero"):
        ImageFolder(str(flat), std=(0, 1, 1))


def refusal(root: Path, **settings: object) -> str:
    """Return the one line about a root that cannot be used."""
    with pytest.raises(MissingData) as caught:
        ImageFolder(str(root), size=8, **settings).splits()
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def test_a_root_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    assert (
        f"pictures is missing; looked in {tmp_path / 'no'}; set dataset.root; it should hold"
        in (refusal(tmp_path / "no"))
    )
    (tmp_path / "root").mkdir()
    assert "there is no class folder; looked in" in refusal(tmp_path / "root")
    write(tmp_path / "root" / "cat", 3, 0)
    assert "there is only one class folder (cat); looked in" in refusal(tmp_path / "root")
    (tmp_path / "root" / "dog").mkdir()
    (tmp_path / "root" / "dog" / "readme.txt").touch()
    assert "no pictures in class dog; looked in" in refusal(tmp_path / "root")
    write(tmp_path / "root" / "dog" / "more", 1, 100)
    with pytest.raises(ValueError, match="cannot hold out 3 of 3"):
        ImageFolder(str(tmp_path / "root"), size=8, test_size=1, val_size=3).splits()


def test_half_a_split_is_told_in_one_line(presplit: Path) -> None:
    write(presplit / "test" / "c", 2, 0)
    assert "unknown class c; looked in" in refusal(presplit)
    (presplit / "test").rename(presplit.parent / "elsewhere")
    assert "the folder test is missing; looked in" in refusal(presplit)


def test_unreadable_files_are_named(flat: Path) -> None:
    path = flat / "dog" / "inside" / "3.png"
    noise = np.random.default_rng(0).integers(0, 256, (30, 30, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:900])
    every = {"val_size": 1, "test_size": 1}
    assert "cannot read dog/inside/3.png (" in refusal(flat, **every)
    (flat / "cat" / "5.png").write_text("no picture")
    settings = {**every, "memory": 0.0}
    assert "cannot read cat/5.png (not a picture); looked in" in refusal(flat, **settings)
    (flat / "cat" / "5.png").unlink()
    splits = ImageFolder(str(flat), size=8, **settings).splits()
    every_batch = chain(*(part.batches(4) for part in (splits.train, splits.val, splits.test)))
    with pytest.raises(UnreadableFiles, match=r"dog/inside/3\.png"):
        list(every_batch)


def test_the_command_line_runs_and_refuses(flat: Path, terminal: Terminal, tmp_path: Path) -> None:
    words = ["dataset=image_folder", "dataset.size=8", "net.hidden_channels=2", "debug=True"]
    answer = terminal(*words, f"dataset.root={tmp_path / 'no'}")
    assert answer.status == 1
    assert answer.err.startswith("the folder of pictures is missing; looked in ")
    assert len(answer.err.splitlines()) == 1
    assert not list(tmp_path.rglob("config.yaml")), "refused before anything is written"
    answer = terminal(*words, f"dataset.root={flat}", "dataset.val_size=x")
    assert answer.status == 1
    assert answer.err.startswith("dataset.val_size=x: should be ")
    answer = terminal(*words, f"dataset.root={flat}", "dataset.mean=[0.5]")
    assert answer.err.startswith("dataset.mean=[0.5]: grey=False needs 3 values")
    answer = terminal(*words, f"dataset.root={flat}", "dataset.val_size=4")
    assert answer.status == 0, answer.err


def test_damaged_files_of_all_splits_are_named_at_once(presplit: Path) -> None:
    write(presplit / "val" / "a", 2, 50)
    damaged = [f"{part}/a/0.png" for part in ("train", "val", "test")]
    for name in damaged:
        (presplit / name).write_text("no picture")
    for memory in (0.0, 1.0):
        line = refusal(presplit, memory=memory)
        assert all(f"{name} (not a picture)" in line for name in damaged)


def test_a_class_of_one_picture_is_told(flat: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(flat / "owl", 1, 200)
    ImageFolder(str(flat), size=8, val_size=2, test_size=2).splits()
    assert "only one training image of class owl; looked in" in caplog.text
    assert "owl in the test data; looked in" in caplog.text


@pytest.mark.parametrize("memory", [0.0, 1.0])
def test_twelve_bits_in_sixteen_are_not_taken_for_black(tmp_path: Path, memory: float) -> None:
    """Levels 0 to 4095 become 0 to 255 once somebody says that 12 bits count."""
    for name, first in (("a", 0), ("b", 2048)):
        (tmp_path / name).mkdir()
        for i in range(8):
            level = np.full((8, 8), first + 256 * i - (first + 256 * i == 2048), np.uint16)
            Image.fromarray(level).save(tmp_path / name / f"{i}.png")
    settings = {"memory": memory, "val_size": 2, "test_size": 2, "grey": True}
    line = refusal(tmp_path, **settings)
    assert line.startswith("the pictures of 16 bits a pixel use 12 bits or fewer")
    assert "set dataset.bits to the bits that count" in line
    splits = ImageFolder(str(tmp_path), size=8, bits=12, **settings).splits()
    parts = [next(part.batches(20))[0] for part in (splits.train, splits.val, splits.test)]
    levels = torch.cat([splits.spec.denormalised(part)[:, 0, 0, 0] * 255 for part in parts])
    expected = [16 * i for i in range(8)] + [127] + [128 + 16 * i for i in range(1, 8)]
    assert sorted(levels.round().tolist()) == expected
    as_dark = ImageFolder(str(tmp_path), size=8, bits=16, **settings).splits()
    assert (as_dark.spec.denormalised(next(as_dark.train.batches(20))[0]) * 255).max() < 16
    if memory:
        line = refusal(tmp_path, bits=11, **settings)
        assert "it has a pixel of 2047" not in line
        assert "more than bits=11 can hold" in line
