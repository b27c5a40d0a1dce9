"""MNIST from real idx files: splits by image, and one line for what is missing or damaged."""

import socket
from pathlib import Path

import pytest
import torch

from datasets.mnist import MNIST
from datasets.spec import MissingData


def test_validation_is_held_out_from_training(mnist_root: Path) -> None:
    mnist = MNIST(str(mnist_root), val_size=20)
    splits = mnist.splits()
    assert (len(splits.train), len(splits.val), len(splits.test)) == (40, 20, 20)
    images = [next(part.batches(60))[0] for part in (splits.train, splits.val)]
    assert images[0].shape == (40, mnist.spec.in_channels, *mnist.spec.size)
    assert len(torch.cat(images).unique(dim=0)) == 60
    assert torch.bincount(next(splits.val.batches(20))[1]).tolist() == [2] * 10


def test_images_are_upright_and_normalised(mnist_root: Path) -> None:
    images, targets = next(MNIST(str(mnist_root), val_size=20).splits().test.batches(20))
    pixels = images * 0.3081 + 0.1307
    assert pixels[0, 0, 6, 19].item() == pytest.approx(200 / 255, abs=1e-4)
    assert pixels[0, 0, 19, 6].item() == pytest.approx(0, abs=1e-4)
    assert targets.tolist() == [*range(10), *range(10)]


def test_a_small_training_set_keeps_validation_and_test(mnist_root: Path) -> None:
    whole = MNIST(str(mnist_root), val_size=20).splits()
    small = MNIST(str(mnist_root), val_size=20, train_size=10).splits()
    assert torch.bincount(next(small.train.batches(60))[1]).tolist() == [1] * 10
    assert torch.equal(next(whole.val.batches(60))[0], next(small.val.batches(60))[0])
    assert len(small.test) == 20


def test_fashion_mnist_has_its_own_folder_and_names(mnist_root: Path) -> None:
    (mnist_root / "MNIST").rename(mnist_root / "FashionMNIST")
    fashion = MNIST(str(mnist_root), variant="FashionMNIST", val_size=20)
    splits = fashion.splits()
    assert (len(splits.train), len(splits.val), len(splits.test)) == (40, 20, 20)
    assert fashion.spec.class_names[9] == "ankle boot"
    pixels = next(splits.test.batches(20))[0] * 0.3530 + 0.2860
    assert pixels[0, 0, 6, 19].item() == pytest.approx(200 / 255, abs=1e-4)
    with pytest.raises(MissingData, match=r"^MNIST is missing .* holds MNIST/raw"):
        MNIST(str(mnist_root), val_size=20).splits()
    (mnist_root / "FashionMNIST").rename(mnist_root / "elsewhere")
    with pytest.raises(MissingData, match=r"^FashionMNIST is missing .* holds FashionMNIST/raw"):
        MNIST(str(mnist_root), variant="FashionMNIST", val_size=20).splits()


@pytest.mark.parametrize("download", [True, False])
def test_missing_files_take_one_line(tmp_path: Path, download: bool) -> None:
    with pytest.raises(MissingData) as caught:
        MNIST(str(tmp_path), download=download).splits()
    line = str(caught.value)
    assert "\n" not in line
    for part in (
        "train-images-idx3-ubyte",
        str(tmp_path / "MNIST" / "raw"),
        "dataset.download=true",
        "dataset.root",
        "DATA_DIR",
    ):
        assert part in line
    assert caught.value.__suppress_context__, "a traceback would show the reader's own errors"
    assert socket.getdefaulttimeout() is None


def test_only_the_absent_file_is_named(mnist_root: Path) -> None:
    (mnist_root / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(MissingData, match="missing t10k-labels-idx1-ubyte") as caught:
        MNIST(str(mnist_root)).splits()
    assert "train-images" not in str(caught.value)


@pytest.mark.parametrize("length", [0, 3, 16, 5000])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_torn_files_take_one_line(mnist_root: Path, name: str, length: int) -> None:
    path = mnist_root / "MNIST" / "raw" / name
    whole = path.read_bytes()
    torn = whole[: min(length, len(whole) - 1)]
    path.write_bytes(torn)
    with pytest.raises(MissingData, match="a file of MNIST is damaged") as caught:
        MNIST(str(mnist_root), val_size=20).splits()
    assert "\n" not in str(caught.value)
    assert "delete that folder" in str(caught.value)


def test_files_of_another_kind_take_one_line(mnist_root: Path) -> None:
    raw = mnist_root / "MNIST" / "raw"
    (raw / "train-images-idx3-ubyte").write_bytes(b"<html>not found</html>")
    with pytest.raises(MissingData, match="damaged"):
        MNIST(str(mnist_root)).splits()
    (raw / "train-images-idx3-ubyte").write_bytes((raw / "t10k-images-idx3-ubyte").read_bytes())
    with pytest.raises(MissingData, match="60 labels for images of shape"):
        MNIST(str(mnist_root)).splits()
