"""Tiny data sets in their real on-disk formats, and no way out to the network."""

import struct
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torch import Tensor

from datasets.amat import ROWS

LABELS = torch.arange(10).repeat(6)  # six of every digit


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise URLError("[Errno -2] Name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


def glyphs(labels: Tensor, first: int = 1) -> Tensor:
    """Return uint8 images [N, 28, 28]: an asymmetric corner, and the sample's number in a pixel."""
    images = torch.zeros(len(labels), 28, 28, dtype=torch.uint8)
    images[:, 6:10, 6:20] = 200
    images[:, 12, 8] = torch.arange(len(labels)).to(torch.uint8) + first
    return images


def write_idx(path: Path, values: Tensor) -> None:
    """Write uint8 values as LeCun's idx format: a magic number, the sizes, the bytes."""
    header = struct.pack(f">HBB{values.dim()}I", 0, 8, values.dim(), *values.shape)
    path.write_bytes(header + values.to(torch.uint8).numpy().tobytes())


@pytest.fixture
def mnist_root(tmp_path: Path) -> Path:
    """Return the root of an MNIST with 60 training and 20 test images."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, labels, first in (("train", LABELS, 1), ("t10k", LABELS[:20], 101)):
        write_idx(raw / f"{part}-images-idx3-ubyte", glyphs(labels, first))
        write_idx(raw / f"{part}-labels-idx1-ubyte", labels)
    return tmp_path


@pytest.fixture
def write_amat(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, Tensor, Tensor], None]:
    """Return a writer of amat files: columns of the image one after another, then the label."""

    def write(path: Path, images: Tensor, labels: Tensor) -> None:
        monkeypatch.setitem(ROWS, path.name, len(labels))
        columns = images.transpose(1, 2).reshape(len(images), -1)  # [N, W * H]
        rows = torch.cat([columns.double() / 255, labels[:, None].double()], dim=1)
        path.parent.mkdir(exist_ok=True)
        np.savetxt(path, rows.numpy(), fmt="%.7e", delimiter="   ")

    return write
