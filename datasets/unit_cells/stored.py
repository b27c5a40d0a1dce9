"""Cells and labels that somebody else has computed: a torch file of images and label columns."""

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from datasets.spec import MissingData, Splits
from datasets.unit_cells.division import CellSet
from datasets.unit_cells.recipe import COMPONENTS
from partial_equiv.refusal import Refusal

__all__ = ["LABEL_ORDERS", "StoredCells", "read_cells"]

LabelOrder = Literal["rows", "voigt"]
LABEL_ORDERS: dict[LabelOrder, tuple[str, ...]] = {
    "rows": ("Q00", "Q01", "Q02", "Q11", "Q12", "Q22"),
    "voigt": COMPONENTS,
}
BROKEN = 8  # the column of is_broken, after is_gray and volfrac
REMEDY = "give dataset.file the path of a torch file with the tensors imgs and labels"


@dataclass(frozen=True, kw_only=True)
class StoredCells(CellSet):
    """The cells of a torch file: a dictionary of `imgs` [N, H, W] and `labels` [N, 6 or 9].

    For further settings, see `division.CellSet`; `anisotropy` is to say how the file was computed.

    Attributes:
        file: its path; only tensors are read from it, no code.
        label_order: of the first six columns. Should three more follow (is_gray, volfrac,
            is_broken), cells that are broken are left out.
    """

    file: str = field(kw_only=False)
    label_order: LabelOrder = "rows"

    @property
    def place(self) -> str:
        """The file."""
        return str(self._path)

    def check_available(self) -> None:
        """Look whether the file is there.

        Raises:
            MissingData: saying where it was looked for.
        """
        if not self._path.is_file():
            raise MissingData("there are no unit cells", self._path, REMEDY)

    def read(self) -> Splits:
        """Read the cells of the file."""
        images, labels = read_cells(self._path, self.label_order)
        height, width = images.shape[-2:]
        if (height, width) != self.spec.size:
            raise Refusal(
                f"the file's cells have {height} x {width}", **{"dataset.size": self.size}
            )
        return self.divided(images, labels)

    @property
    def _path(self) -> Path:
        return Path(self.file).expanduser()


def read_cells(path: Path, label_order: LabelOrder) -> tuple[Tensor, Tensor]:
    """Return images [N, 1, H, W], in 0..1 or uint8, and labels [N, 6] in our order, if not broken.

    Raises:
        MissingData: if the file is absent, damaged or of another layout.
    """
    content = _content(path)
    try:
        images, labels = content["imgs"], content["labels"].float()
        images = images.reshape(len(images), 1, *images.shape[-2:])
        if labels.shape[1:] not in {(6,), (9,)} or len(labels) != len(images):
            raise Refusal(f"labels {tuple(labels.shape)} of images {tuple(images.shape)}")
        if labels.shape[1] > BROKEN:
            whole = labels[:, BROKEN] == 0
            images, labels = images[whole], labels[whole]
        images = _scaled(images)
        if not labels.isfinite().all():
            raise Refusal("labels that are not finite")
    except KeyError as error:
        raise _unreadable(f"it has no {error}", path) from None
    except (LookupError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise _unreadable(error, path) from None
    order = LABEL_ORDERS[label_order]
    labels = labels[:, [order.index(name) for name in COMPONENTS]]
    if not (labels[:, :3] > 0).all() or not (labels[:, 3] ** 2 < labels[:, 0] * labels[:, 1]).all():
        raise MissingData(
            f"label_order={label_order} makes the stiffness of some cell no positive matrix",
            path,
            f"should be one of {', '.join(LABEL_ORDERS)}",
        )
    return images, labels


def _content(path: Path) -> dict[str, Tensor]:
    try:
        content: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise MissingData("there are no unit cells", path, REMEDY) from None
    except pickle.UnpicklingError:
        raise MissingData("the file holds more than tensors: refused", path, REMEDY) from None
    except LookupError:
        raise _unreadable("it is no torch file", path) from None
    except (OSError, EOFError, ValueError, RuntimeError) as error:
        raise _unreadable(error, path) from None
    return content


def _unreadable(error: object, path: Path) -> MissingData:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return MissingData(f"the unit cells cannot be read ({reason})", path, REMEDY)


def _scaled(images: Tensor) -> Tensor:
    """Return images as they count in a split: uint8 up to 255, or floats up to 1."""
    if not len(images):
        raise Refusal("no cell, or none that is whole")
    least, most = images.min().item(), images.max().item()
    if not 0 <= least <= most <= 255:
        raise Refusal(f"images from {least:g} to {most:g}, neither in 0..1 nor in 0..255")
    unit = 255 if most > 1 else 1
    if images.is_floating_point():
        return images.float() / unit
    return images.to(torch.uint8) * (255 // unit)
