"""Orbits: views that are turns, splits by source image, a file that survives its writer."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from constructors import Build, compose
from datasets.batching import BatchedSplit
from datasets.digits import Digits
from datasets.files import UnreadableFiles
from datasets.mnist import MNIST
from datasets.orbits import OrbitFile, Orbits, storage, turned_views, whole_orbits, write_orbits
from datasets.spec import DataSpec, Split

SMALL = Digits(size=8, rotation=0.0, val_size=100, test_size=100)


def noise(num: int, size: int = 6, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (num, 1, size, size), generator=generator, dtype=torch.uint8)


def everything(split: Split) -> tuple[Tensor, Tensor]:
    images, targets = zip(*split.batches(64), strict=True)
    return torch.cat(images), torch.cat(targets)


@given(st.integers(1, 3), st.integers(3, 8), st.sampled_from([4, 8, 12]), st.integers(0, 99))
def test_quarter_turns_are_exact(num: int, size: int, num_views: int, seed: int) -> None:
    images = noise(num, size, seed)
    views = turned_views(images, num_views)
    assert torch.equal(views[:, 0], images)
    quarter = views.roll(-num_views // 4, 1)
    exact = torch.arange(0, num_views, num_views // 4)
    assert torch.equal(quarter[:, exact], views[:, exact].rot90(1, (-2, -1)))
    assert (quarter.int() - views.rot90(1, (-2, -1)).int()).abs().max() <= 1, "rounding"


def test_views_turn_counter_clockwise() -> None:
    image = torch.zeros(1, 1, 33, 33, dtype=torch.uint8)
    image[..., 14:19, 26:31] = 255  # to the right of the centre
    mass = turned_views(image, 12)[0, :, 0].float()
    at = torch.arange(33.0) - 16
    x, y = (mass * at).sum((-2, -1)), (mass * -at[:, None]).sum((-2, -1))
    degrees = torch.atan2(y, x).rad2deg() % 360
    steps = 30.0 * torch.arange(12)
    assert ((degrees - steps + 180) % 360 - 180).abs().max() < 0.5


def test_views_are_the_sources_in_their_splits(tmp_path: Path) -> None:
    """Every view 0 is a source image of its own split, so that no orbit is in two of them."""
    splits = Orbits(SMALL, str(tmp_path), classes=["2", "1"], num_views=6).splits()
    assert splits.spec.num_classes == 2
    assert splits.spec.class_names == ("2", "1")
    sources = SMALL.splits()
    for name in ("train", "val", "test"):
        views, classes = everything(getattr(splits, name))
        images, digits = everything(getattr(sources, name))
        wanted = {2: images[digits == 2], 1: images[digits == 1]}
        for label, digit in enumerate((2, 1)):
            found = views[classes == label][::6]
            torch.testing.assert_close(found, wanted[digit], rtol=0, atol=0.01)
        assert len(views) == 6 * sum(map(len, wanted.values()))


def test_whole_orbits_are_the_views_in_their_order(tmp_path: Path) -> None:
    splits = Orbits(SMALL, str(tmp_path), classes=["0", "7"], num_views=4).splits()
    orbits = whole_orbits(splits)
    views, classes = everything(splits.val)
    whole, labels = everything(orbits.val)
    assert torch.equal(whole, views.unflatten(0, (-1, 4)))
    assert torch.equal(labels, classes[::4])
    (first, again), (rest, _) = (
        list(orbits.train.batches(16, seed=3, start=k))[:2] for k in (0, 1)
    )
    assert torch.equal(again[0], rest[0]), "a resumed epoch goes on where it stopped"
    assert first[0].shape == (16, 4, 1, 8, 8)
    torch.testing.assert_close(first[0][:, 1], first[0][:, 0].rot90(1, (-2, -1)))
    assert (orbits.spec.num_views, orbits.spec.whole_orbits) == (4, True)


def test_some_images_of_each_class_are_the_first_ones(tmp_path: Path) -> None:
    whole, few = (
        Orbits(SMALL, str(tmp_path), classes=["0", "7"], num_views=4, images_per_class=n).splits()
        for n in (None, 2)
    )
    for part in ("train", "val", "test"):
        views, classes = everything(getattr(few, part))
        all_views, all_classes = everything(getattr(whole, part))
        assert classes.tolist() == [0] * 8 + [1] * 8
        wanted = [all_views[all_classes == label][:8] for label in (0, 1)]
        assert torch.equal(views, torch.cat(wanted))


def test_the_file_is_as_promised_and_lazily_read_alike(tmp_path: Path) -> None:
    made = Orbits(SMALL, str(tmp_path), classes=["1", "2"], num_views=3)
    in_memory = made.splits()
    made.memory = 0.0
    in_file = made.splits()
    for one, other in zip(everything(in_memory.val), everything(in_file.val), strict=True):
        assert torch.equal(one, other)
    path = next((tmp_path / "orbits").glob("*-val.h5"))
    with h5py.File(path) as file:
        assert list(file) == ["1", "2"]
        array = file["1"]
        assert array.shape[1:] == (3, 1, 8, 8)
        assert array.chunks == (1, 3, 1, 8, 8)
        assert array.compression == "gzip"


def test_mnist_has_orbits_too(mnist_root: Path) -> None:
    source = MNIST(str(mnist_root), val_size=20)
    splits = Orbits(source, str(mnist_root), num_views=2).splits()
    assert splits.spec.num_classes == 10
    parts = (splits.train, splits.val, splits.test)
    assert [len(part) for part in parts] == [80, 40, 40]
    views, _ = everything(splits.test)
    assert torch.equal(views[1::2], views[::2].flip((-2, -1)))


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the process die after so many blocks."""

    def after(blocks: int) -> None:
        left = iter(range(blocks))

        def turn(images: Tensor, num_views: int) -> Tensor:
            if next(left, None) is None:
                raise KeyboardInterrupt
            turned.append(len(images))
            return turned_views(images, num_views)

        monkeypatch.setattr(storage, "turned_views", turn)

    turned: list[int] = []
    monkeypatch.setattr(storage, "BLOCK", 4)
    return after


def test_a_killed_writer_is_continued(tmp_path: Path, interrupted: Any) -> None:  # noqa: ANN401
    images = {"a": noise(6), "b": noise(7, seed=1)}
    path = tmp_path / "torn.h5"
    interrupted(3)  # 4 + 2 of a, 4 of b
    with pytest.raises(KeyboardInterrupt):
        write_orbits(path, images, 3)
    assert not path.exists()
    interrupted(1)  # the last 3 of b: one block is enough
    write_orbits(path, images, 3)
    file = OrbitFile(path)
    expected = torch.cat([turned_views(each, 3).flatten(0, 1) for each in images.values()])
    assert torch.equal(file.load(torch.arange(39)), expected)
    assert torch.equal(torch.stack([file.read(i) for i in range(39)]), expected)
    assert file.labels.tolist() == [0] * 18 + [1] * 21
    interrupted(0)
    write_orbits(path, images, 3)  # nothing to do


def test_a_damaged_rest_is_begun_anew(tmp_path: Path, interrupted: Any) -> None:  # noqa: ANN401
    images = {"a": noise(6)}
    path = tmp_path / "torn.h5"
    interrupted(1)
    with pytest.raises(KeyboardInterrupt):
        write_orbits(path, images, 3)
    (rest,) = tmp_path.glob(".*.unfinished")
    rest.write_bytes(rest.read_bytes()[:700])
    interrupted(2)
    write_orbits(path, images, 3)
    assert len(OrbitFile(path).load(torch.arange(18))) == 18


def test_damage_takes_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    write_orbits(path, {"a": noise(3, 20)}, 4)
    content = bytearray(path.read_bytes())
    content[-300:-200] = bytes(100)  # in a chunk
    path.write_bytes(content)
    with pytest.raises(UnreadableFiles, match=r"x\.h5") as caught:
        OrbitFile(path).load(torch.arange(12))
    assert "\n" not in str(caught.value)
    (tmp_path / "y.h5").write_bytes(b"no such thing")
    with pytest.raises(UnreadableFiles, match=r"y\.h5"):
        OrbitFile(tmp_path / "y.h5")


@pytest.mark.parametrize(
    ("classes", "reason"), [(["1", "x"], "no class x, only 0, 1"), (["1", "1"], "a class twice")]
)
def test_unknown_classes_take_one_line(classes: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Orbits(SMALL, classes=classes)


def test_a_folder_that_cannot_be_written_to_takes_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"^folder=.*file: cannot be written to \(.*\), choose"):
        Orbits(SMALL, folder=str(tmp_path / "file")).splits()


class Renamed(Digits):
    """Digits whose classes have other names."""

    names: tuple[str, ...] = ()

    @property
    def spec(self) -> DataSpec:
        return replace(super().spec, class_names=self.names)


@pytest.mark.parametrize(
    ("names", "classes"), [((), ["7", "3"]), (("a", "b", "c", "d/e", *"fghijk"), ["i", "d/e"])]
)
def test_classes_may_be_called_anything(
    tmp_path: Path, names: tuple[str, ...], classes: list[str]
) -> None:
    """Those without a name are called by their numbers."""
    source = Renamed(size=8, rotation=0.0, val_size=100, test_size=100)
    source.names = names
    wanted = Orbits(SMALL, str(tmp_path), classes=["7", "3"], num_views=2).splits()
    found = Orbits(source, str(tmp_path), classes=classes, num_views=2).splits()
    assert found.spec.class_names == tuple(classes)
    (images, labels), (others, same) = everything(found.val), everything(wanted.val)
    for label in (0, 1):
        assert torch.equal(images[labels == label], others[same == label])


@pytest.mark.parametrize("name", ["cifar10", "pcam", "plain_digits"])
def test_any_of_our_image_sets_can_be_the_source(name: str) -> None:
    words = ["dataset=orbits", f"dataset@dataset.source={name}", "dataset.classes=[]"]
    spec = replace(Build(compose(words)).spec, num_views=1)
    assert spec == Build(compose([f"dataset={name}"])).spec


def test_orbits_are_indexed_splits(tmp_path: Path) -> None:
    splits = Orbits(SMALL, str(tmp_path), classes=["3"], num_views=2).splits()
    assert all(isinstance(part, BatchedSplit) for part in (splits.train, splits.val, splits.test))
