"""Odd things in a folder of pictures: nothing hangs, nothing is taken twice or lost in silence."""

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from datasets import entries
from datasets.class_folders import Listing, list_pictures
from datasets.image_folder import ImageFolder
from datasets.spec import MissingData

CLASSES = ("cat", "dog")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root of six cats and six dogs, some of them deeper."""
    for name in CLASSES:
        for i in range(6):
            folder = tmp_path / name / ("deep/er" if i > 3 else ".")
            folder.mkdir(parents=True, exist_ok=True)
            Image.new("L", (4, 4), 20 * i).save(folder / f"{i}.png")
    return tmp_path


def listed(root: Path) -> Listing:
    """Return the pictures of the classes; they are always the same twelve."""
    listing = list_pictures(root, ".", CLASSES)
    assert len(listing.names) == 12
    assert listing.labels.tolist() == [0] * 6 + [1] * 6
    return listing


def test_what_is_no_picture_is_left_out_and_named(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert listed(root).left_out == {}
    (root / "cat" / "notes.pdf").touch()
    (root / "cat" / ".hidden").touch()
    (root / "stray.png").touch()
    os.mkfifo(root / "cat" / "pipe.png")
    (root / "dog" / "lost.png").symlink_to(root / "nowhere.png")
    (root / "dog" / "self.png").symlink_to("self.png")
    (root / "owl").symlink_to(root / "nowhere")
    left_out = {
        "cat/notes.pdf": "not a picture",
        "cat/pipe.png": "no regular file",
        "dog/lost.png": "a link to nothing",
        "dog/self.png": os.strerror(40),
        "owl": "a link to nothing",
        "stray.png": "not in the folder of a class",
    }
    assert listed(root).left_out == left_out
    splits = ImageFolder(str(root), size=4, val_size=2, test_size=2).splits()
    assert [len(part) for part in (splits.train, splits.val, splits.test)] == [8, 2, 2]
    named = ", ".join(f"{name} ({reason})" for name, reason in left_out.items())
    assert f"took 12 of 18 entries of {root}; left out: {named}" in caplog.text


def test_loops_of_links_end(root: Path) -> None:
    """Two loops make a search that follows them endless: 2^40 paths before the system stops it."""
    for name in ("one", "two"):
        (root / "cat" / name).symlink_to(root / "cat")
        (root / "dog" / "deep" / name).symlink_to(root)
    (root / "dog" / "cats").symlink_to(root / "cat")  # they would be dogs, too
    left_out = listed(root).left_out
    assert set(left_out) == {
        *("cat/one", "cat/two", "dog/deep/one", "dog/deep/two", "dog/cats"),
    }
    assert set(left_out.values()) == {"leads to a folder that is visited already"}


def test_folders_elsewhere_may_be_linked(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (root / "cat").rename(elsewhere / "cats")
    (root / "cat").symlink_to(elsewhere / "cats")
    (root / "dog" / "deep").rename(elsewhere / "deep")
    (root / "dog" / "deep").symlink_to(elsewhere / "deep")
    assert listed(root).left_out == {}


@pytest.mark.parametrize("target", [".", "dog"])
def test_a_class_that_is_a_link_to_another_is_refused(root: Path, target: str) -> None:
    (root / "owl").symlink_to(root / target)
    with pytest.raises(MissingData, match=r"^the folder of class owl is a link to another folder"):
        ImageFolder(str(root)).splits()


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a\nb"])
def test_a_damaged_name_is_told(root: Path, name: bytes) -> None:
    (root / os.fsdecode(name)).mkdir()
    with pytest.raises(MissingData, match=r"^the name of the folder .*\\.* is no text; ") as told:
        _ = ImageFolder(str(root)).spec
    str(told.value).encode()
    assert "\n" not in str(told.value)
    (root / os.fsdecode(name)).rename(root / "cat" / os.fsdecode(name))
    (root / "cat" / os.fsdecode(name) / "6.png").write_text("no picture")
    with pytest.raises(MissingData, match=r"^cannot read cat/.*6.png \(not a picture\)") as told:
        ImageFolder(str(root), val_size=2, test_size=2, size=4).splits()
    str(told.value).encode()


def test_folders_that_the_system_will_not_list_are_told(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: Any) -> Any:  # noqa: ANN401
        if Path(path).name == "deep":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(entries.os, "scandir", refuse)
    with pytest.raises(
        MissingData, match=r"^cannot read cat/deep \(Permission denied\), dog/deep \(Perm"
    ):
        list_pictures(root, ".", CLASSES)
