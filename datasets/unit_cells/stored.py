"""Cells and labels that somebody else has computed: a torch file of images and label columns."""

import pickle
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from datasets.spec import DataSpec, MissingData, Splits
from datasets.unit_cells.division import Division, cell_spec
from datasets.unit_cells.recipe import COMPONENTS
from datasets.unit_cells.transformations import RandomSymmetry
from partial_equiv.intervals import Count, Fraction, Natural
from partial_equiv.refusal import Refusal

__all__ = ["LABEL_ORDERS", "StoredCells", "read_cells"]

LabelOrder = Literal["rows", "voigt"]
LABEL_ORDERS: dict[LabelOrder, tuple[str, ...]] = {
    "rows": ("Q00", "Q01", "Q02", "Q11", "Q12", "Q22"),
    "voigt": COMPONENTS,
}
BROKEN = 8  # the column of is_broken, after is_gray and volfrac
REMEDY = "give dataset.file the path of a torch file with the tensors imgs and labels"


class StoredCells:
    """The cells of a torch file: a dictionary of `imgs` [N, H, W] and `labels` [N, 6 or 9].

    Attributes:
        file: its path; only tensors are read from it, no code.
        label_order: of the first six columns. Should three more follow (is_gray, volfrac,
            is_broken), cells that are broken are left out.
        size: H and W.
        val_size, test_size, test_fold, train_size, split_seed, augment_*: see
            `generated.UnitCells`.
    """

    def __init__(
        self,
        file: str,
        label_order: LabelOrder = "rows",
        size: Count = 64,
        val_size: Count | Fraction = 0.1,
        test_size: Count | Fraction = 0.2,
        test_fold: Natural | None = None,
        train_size: Count | None = None,
        split_seed: Natural = 0,
        augment_flip: bool = False,
        augment_rotation: bool = False,
        augment_transpose: bool = False,
        augment_shift: bool = False,
    ) -> None:
        self.file = Path(file).expanduser()
        self.label_order: LabelOrder = label_order
        self.size = size
        symmetry = RandomSymmetry(augment_flip, augment_rotation, augment_transpose, augment_shift)
        self.division = Division(val_size, test_size, test_fold, train_size, split_seed, symmetry)

    @property
    def spec(self) -> DataSpec:
        """Shapes and normalisation."""
        return cell_spec(self.size)

    def splits(self) -> Splits:
        """Return the three splits.

        Raises MissingData if the file is absent, damaged or of another layout, ValueError for
        impossible sizes.
        """
        images, labels = read_cells(self.file, self.label_order)
        height, width = images.shape[-2:]
        if (height, width) != self.spec.size:
            raise Refusal(
                f"the file's cells have {height} x {width}", **{"dataset.size": self.size}
            )
        return self.division.splits(images, labels, self.spec)


def read_cells(path: Path, label_order: LabelOrder) -> tuple[Tensor, Tensor]:
    """Return images [N, 1, H, W], in 0..1 or uint8, and labels [N, 6] in our order, if not broken.

    Raises MissingData.
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
