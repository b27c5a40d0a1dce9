"""The text files `amat` of the ICML-2007 benchmark: a line an image, and nothing taken on trust."""

from pathlib import Path

import torch
from torch import Tensor

from datasets.spec import MissingData

__all__ = ["FILES", "ROWS", "check_amat", "read_amat"]

FILES = tuple(
    f"mnist_all_rotation_normalized_float_{part}.amat" for part in ("train_valid", "test")
)
ROWS = dict(zip(FILES, (12_000, 50_000), strict=True))  # as published
REMEDY = f"put both of {', '.join(FILES)} there, or neither (then MNIST is turned instead)"
SLACK = 1e-3  # beyond 0..1


def check_amat(folder: Path) -> None:
    """Look whether both files are in a folder.

    Raises:
        MissingData: naming the one that is not.
    """
    for name in FILES:
        if not (folder / name).is_file():
            raise MissingData(f"rotated MNIST is missing {name}", folder, REMEDY)


def read_amat(path: Path) -> tuple[Tensor, Tensor]:
    """Return images [N, 1, 28, 28] float32 in 0..1 and labels [N] int64 of an amat file.

    A line holds the 784 values of an image, column after column, then its label.

    Raises:
        MissingData: if the other file is absent, or this one is cut or damaged.
    """
    import numpy as np

    check_amat(path.parent)
    try:
        rows = torch.from_numpy(np.loadtxt(path, dtype=np.float32, ndmin=2))
    except ValueError as error:
        raise _damaged(path, str(error).splitlines()[0]) from None
    if rows.shape[1] != 785:
        raise _damaged(path, f"{rows.shape[1]} values in a line, not 785")
    pixels, labels = rows[:, :784], rows[:, 784]
    wrong = ~((labels >= 0) & (labels <= 9) & (labels == labels.round()))  # NaN is wrong, too
    if wrong.any():
        line = int(wrong.nonzero()[0])
        reason = f"label {labels[line].item():g} in line {line + 1}, where 0 to 9 are classes"
        raise _damaged(path, reason)
    wrong = ~((pixels >= -SLACK) & (pixels <= 1 + SLACK)).all(1)
    if wrong.any():
        line = int(wrong.nonzero()[0])
        low, high = (float(each) for each in pixels[line].aminmax())
        reason = f"pixels from {low:g} to {high:g} in line {line + 1}, where 0 to 1 is expected"
        raise _damaged(path, reason)
    if len(rows) != ROWS[path.name]:
        raise _damaged(path, f"{len(rows)} lines, not {ROWS[path.name]}")
    images = pixels.reshape(-1, 1, 28, 28).transpose(2, 3).contiguous()
    return images, labels.long()


def _damaged(path: Path, reason: str) -> MissingData:
    return MissingData(f"{path.name} is damaged ({reason})", path.parent, REMEDY)
