"""Other people's torch files: both label orders, broken cells, all image types, what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from datasets.spec import MissingData
from datasets.unit_cells import COMPONENTS, StoredCells, homogenise
from datasets.unit_cells.stored import LABEL_ORDERS, read_cells

NUM = 12
CELLS = (torch.rand(NUM, 6, 6, generator=torch.Generator().manual_seed(0)) < 0.5).to(torch.uint8)
STIFFNESS = [homogenise(cell.numpy(), (0.1, 1.0)) for cell in CELLS]


def columns(order: tuple[str, ...]) -> Tensor:
    """Return the labels [N, 6] of all cells in an order."""
    rows = [[matrix[int(name[1]), int(name[2])] for name in order] for matrix in STIFFNESS]
    return torch.tensor(rows, dtype=torch.float64)


def flags(broken: tuple[int, ...] = ()) -> Tensor:
    """Return the columns is_gray, volfrac, is_broken."""
    volfrac = CELLS.double().mean((1, 2))
    is_broken = torch.tensor([float(i in broken) for i in range(NUM)]).double()
    return torch.stack([torch.zeros(NUM).double(), volfrac, is_broken], dim=1)


def write(path: Path, order: tuple[str, ...], images: Tensor = CELLS, **extra: object) -> Path:
    """Write a file of the published layout, cells 3 and 7 broken."""
    labels = torch.cat([columns(order), flags((3, 7))], dim=1)
    torch.save({"imgs": images, "labels": labels, **extra}, path)
    return path


@pytest.mark.parametrize("order", LABEL_ORDERS)
def test_both_orders_give_the_same_labels(tmp_path: Path, order: str) -> None:
    path = write(tmp_path / "cells.pt", LABEL_ORDERS[order])
    images, labels = read_cells(path, order)
    kept = [i for i in range(NUM) if i not in (3, 7)]
    assert torch.equal(images[:, 0], CELLS[kept] * 255)
    assert torch.equal(labels, columns(COMPONENTS)[kept].float())


@pytest.mark.parametrize(("order", "wrong"), [("rows", "voigt"), ("voigt", "rows")])
def test_a_wrong_order_is_noticed(tmp_path: Path, order: str, wrong: str) -> None:
    path = write(tmp_path / "cells.pt", LABEL_ORDERS[order])
    with pytest.raises(MissingData, match=rf"^label_order={wrong} makes .* rows, voigt$"):
        read_cells(path, wrong)


@pytest.mark.parametrize(
    "images",
    [
        CELLS.bool(),
        CELLS.long(),
        CELLS.float(),
        CELLS.double() * 255,
        CELLS * 255,
        CELLS[:, None].float(),
    ],
    ids=lambda images: f"{images.dtype} {images.dim()}",
)
def test_images_of_every_type_end_as_one(tmp_path: Path, images: Tensor) -> None:
    path = write(tmp_path / "cells.pt", LABEL_ORDERS["rows"], images)
    splits = StoredCells(str(path), size=6).splits()
    assert (len(splits.train), len(splits.val), len(splits.test)) == (7, 1, 2)
    assert next(splits.train.batches(9))[0].unique().tolist() == [-1, 1]


def test_six_columns_will_do(tmp_path: Path) -> None:
    path = tmp_path / "cells.pt"
    torch.save({"imgs": CELLS, "labels": columns(COMPONENTS)}, path)
    assert len(read_cells(path, "voigt")[0]) == NUM


def refuse(path: Path, reason: str) -> None:
    """Expect one line with a reason."""
    with pytest.raises(MissingData, match=reason) as told:
        StoredCells(str(path), size=6).splits()
    assert "\n" not in str(told.value)


def test_what_cannot_be_read_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "cells.pt"
    refuse(path, "^there are no unit cells; looked in .*cells.pt; give dataset.file")
    write(path, LABEL_ORDERS["rows"])
    path.write_bytes(path.read_bytes()[:-50])
    refuse(path, r"^the unit cells cannot be read \(")
    torch.save({"images": CELLS}, path)
    refuse(path, r"\(it has no 'imgs'\)")
    path.write_text("hello")
    refuse(path, r"\(it is no torch file\)")
    torch.save([CELLS], path)
    refuse(path, r"cannot be read \(")
    torch.save({"imgs": CELLS, "labels": torch.zeros(NUM, 5)}, path)
    refuse(path, r"labels \(12, 5\) of images \(12, 1, 6, 6\)")
    torch.save({"imgs": CELLS, "labels": torch.zeros(3, 6)}, path)
    refuse(path, r"labels \(3, 6\)")
    torch.save({"imgs": CELLS, "labels": np.zeros((NUM, 6), dtype=object)}, path)
    refuse(path, "^the file holds more than tensors: refused")


@pytest.mark.parametrize(
    "images", [CELLS.float() * 2 - 1, CELLS.long() * 1000, CELLS.float() / 0, CELLS.float() * 256]
)
def test_images_of_other_ranges_are_refused(tmp_path: Path, images: Tensor) -> None:
    write(tmp_path / "cells.pt", LABEL_ORDERS["rows"], images)
    refuse(tmp_path / "cells.pt", r"images from .* neither in 0..1 nor in 0..255")


def test_no_whole_cell_and_no_finite_label_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cells.pt"
    labels = torch.cat([columns(LABEL_ORDERS["rows"]), flags(tuple(range(NUM)))], dim=1)
    torch.save({"imgs": CELLS, "labels": labels}, path)
    refuse(path, "no cell, or none that is whole")
    torch.save({"imgs": CELLS, "labels": labels[:, :6] / 0}, path)
    refuse(path, "labels that are not finite")


def test_the_published_sample_is_read_in_rows(tmp_path: Path) -> None:
    sample = [0.3231, 0.0938, -0.0084, 0.2651, -0.0152, 0.0600, 0, 0.5627, 0]
    path = tmp_path / "cells.pt"
    torch.save({"imgs": CELLS[:1], "labels": torch.tensor([sample])}, path)
    _, (label,) = read_cells(path, "rows")
    expected = {"Q00": 0.3231, "Q11": 0.2651, "Q22": 0.06, "Q01": 0.0938}
    expected |= {"Q12": -0.0152, "Q02": -0.0084}
    assert label.tolist() == pytest.approx([expected[name] for name in COMPONENTS])
    refused = r"^label_order=voigt makes"
    with pytest.raises(MissingData, match=refused):
        read_cells(path, "voigt")


def test_a_file_can_be_one_of_anisotropic_phases() -> None:
    assert StoredCells("cells.pt", anisotropy=2).spec.orthotropic
    assert not StoredCells("cells.pt").spec.orthotropic
    with pytest.raises(ValueError, match=r"^augment_rotation=True: with anisotropy=2"):
        StoredCells("cells.pt", anisotropy=2, augment_rotation=True)


def test_another_size_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "cells.pt", LABEL_ORDERS["rows"])
    with pytest.raises(ValueError, match=r"^dataset.size=64: the file's cells have 6 x 6"):
        StoredCells(str(path)).splits()
