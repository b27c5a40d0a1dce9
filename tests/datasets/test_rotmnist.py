"""Rotated MNIST: the published files, column after column; else MNIST turned, as the log says."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from datasets.amat import FILES
from datasets.rotmnist import FOLDER, RotMNIST
from datasets.spec import MissingData
from tests.datasets.conftest import LABELS, glyphs

WriteAmat = Callable[[Path, Tensor, Tensor], None]


@pytest.mark.parametrize("folder", [FOLDER, "."])
def test_published_files_are_read_upright(
    tmp_path: Path, write_amat: WriteAmat, folder: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    write_amat(tmp_path / folder / FILES[0], glyphs(LABELS), LABELS)
    write_amat(tmp_path / folder / FILES[1], glyphs(LABELS[:30]), LABELS[:30])
    rotmnist = RotMNIST(str(tmp_path), val_size=12)
    splits = rotmnist.splits()
    assert (len(splits.train), len(splits.val), len(splits.test)) == (48, 12, 30)
    images = torch.cat([next(part.batches(60))[0] for part in (splits.train, splits.val)])
    targets = torch.cat([next(part.batches(60))[1] for part in (splits.train, splits.val)])
    expected = (glyphs(LABELS).unsqueeze(1) / 255 - 0.13) / 0.297
    torch.testing.assert_close(images, expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(targets, LABELS), "the last rows are the validation set"
    assert "ICML-2007" in caplog.text
    assert "built from MNIST" not in caplog.text


def test_without_them_mnist_is_turned(mnist_root: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    splits = RotMNIST(str(mnist_root), val_size=2).splits()
    assert (len(splits.train), len(splits.val), len(splits.test)) == (10, 2, 60)
    assert "built from MNIST" in caplog.text
    upright = (glyphs(LABELS).unsqueeze(1) / 255 - 0.13) / 0.297
    images = next(splits.test.batches(60))[0]
    assert len(images.unique(dim=0)) == 60
    assert (images[:1] - upright).abs().amax(dim=(1, 2, 3)).min() > 0.1, "not turned"
    again = next(RotMNIST(str(mnist_root), val_size=2).splits().test.batches(60))[0]
    assert torch.equal(images, again)
    other = next(RotMNIST(str(mnist_root), val_size=2, split_seed=1).splits().test.batches(60))[0]
    assert not torch.equal(images, other)


def test_a_part_of_the_test_images_is_the_same_for_every_training(mnist_root: Path) -> None:
    whole = RotMNIST(str(mnist_root), val_size=2).splits()
    part = RotMNIST(str(mnist_root), val_size=2, test_size=20).splits()
    assert (len(part.train), len(part.val), len(part.test)) == (10, 2, 20)
    (images, targets), (few, labels) = (next(each.test.batches(60)) for each in (whole, part))
    assert labels.bincount().tolist() == [round(n / 3) for n in targets.bincount().tolist()]
    assert sum(bool((images == image).all(dim=(1, 2, 3)).any()) for image in few) == 20


@pytest.mark.parametrize("angles", [(0.0, 0.0), (45.0, 20.0)])
def test_training_angles_are_normal_and_the_test_stays_uniform(
    mnist_root: Path,
    write_amat: WriteAmat,
    monkeypatch: pytest.MonkeyPatch,
    angles: tuple[float, float],
) -> None:
    uniform = RotMNIST(str(mnist_root), val_size=2).splits()
    for name in FILES:  # cannot be turned back
        write_amat(mnist_root / FOLDER / name, glyphs(LABELS), LABELS)
    drawn = []
    monkeypatch.setattr(
        "datasets.rotmnist.turned", lambda images, degrees: (drawn.append(degrees), images)[1]
    )
    splits = RotMNIST(str(mnist_root), train_angles=angles, val_size=2).splits()
    (degrees,) = drawn
    assert len(degrees) == 12
    mean, deviation = angles
    assert abs(degrees.mean() - mean) <= 3 * deviation / 12**0.5
    assert 0.5 * deviation <= degrees.std() <= 1.6 * deviation
    for name in ("train", "val"):
        one, two = (getattr(each, name) for each in (uniform, splits))
        assert torch.equal(one.targets, two.targets)
        assert torch.equal(
            two.images, glyphs(LABELS).unsqueeze(1)[two.images[:, 0, 12, 8].long() - 1]
        )
    assert torch.equal(uniform.test.images, splits.test.images)


def test_no_source_image_is_in_two_splits(
    mnist_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.rotmnist.turned_once", lambda images, *_: images)
    splits = RotMNIST(str(mnist_root), val_size=2).splits()
    parts = (splits.train, splits.val, splits.test)
    images = torch.cat([next(part.batches(60))[0] for part in parts])
    assert len(images.unique(dim=0)) == len(images) == 72


def test_half_a_download_takes_one_line(tmp_path: Path, write_amat: WriteAmat) -> None:
    write_amat(tmp_path / FOLDER / FILES[0], glyphs(LABELS), LABELS)
    with pytest.raises(MissingData, match=f"rotated MNIST is missing {FILES[1]}; looked in"):
        RotMNIST(str(tmp_path)).splits()


@pytest.mark.parametrize("tail", ["", "0.1 0.2", " word"])
def test_damaged_files_take_one_line(tmp_path: Path, write_amat: WriteAmat, tail: str) -> None:
    for name in FILES:
        write_amat(tmp_path / name, glyphs(LABELS[:3]), LABELS[:3])
    path = tmp_path / FILES[0]
    text = path.read_text()
    path.write_text(text + tail if tail else text.splitlines()[0][:3000])
    with pytest.raises(MissingData, match="is damaged") as caught:
        RotMNIST(str(tmp_path), val_size=1).splits()
    assert "\n" not in str(caught.value)
    assert FILES[0] in str(caught.value)


def test_no_data_at_all_takes_one_line(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="MNIST is missing"):
        RotMNIST(str(tmp_path)).splits()
