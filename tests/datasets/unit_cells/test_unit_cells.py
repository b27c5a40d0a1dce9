"""Generated cells as a data set: splits, folds, what it refuses, moves with their labels."""

import logging
from pathlib import Path

import pytest
import torch

from datasets.spec import Splits
from datasets.unit_cells import COMPONENTS, UnitCells, homogenise


def unit_cells(root: Path, **arguments: object) -> UnitCells:
    """Return a small data set."""
    return UnitCells(str(root), **{"num": 40, "size": 6, "length_scales": (0.1,), **arguments})


def test_splits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    data = unit_cells(tmp_path)
    parts = data.splits()
    assert (len(parts.train), len(parts.val), len(parts.test)) == (28, 4, 8)
    assert data.spec.num_classes is None
    assert data.spec.num_outputs == data.spec.target_size == 6
    seen = []
    for part in (parts.train, parts.val, parts.test):
        ((images, targets),) = part.batches(100)
        assert images.shape == (len(part), 1, 6, 6)
        assert images.unique().tolist() == [-1.0, 1.0]
        assert targets.shape == (len(part), 6)
        assert targets.dtype == torch.float32
        seen.append(images)
    assert len(torch.cat(seen).unique(dim=0)) == 40, "a cell is in two splits"


def test_train_size_leaves_val_and_test_alone(tmp_path: Path) -> None:
    few, all_ = (unit_cells(tmp_path, train_size=size).splits() for size in (10, None))
    assert (len(few.train), len(all_.train)) == (10, 28)
    for one, other in ((few.val, all_.val), (few.test, all_.test)):
        assert torch.equal(next(one.batches(9))[1], next(other.batches(9))[1])


def test_folds_test_every_cell_once(tmp_path: Path) -> None:
    """Three seeds in a row are the folds of one deal; the next three are those of another."""
    folds = [unit_cells(tmp_path, folds=3, split_seed=seed).splits() for seed in range(3)]
    assert sorted(len(each.test) for each in folds) == [13, 13, 14]
    for each in folds:
        assert len(each.train) + len(each.val) + len(each.test) == 40
        assert len(torch.cat(cells_of(each)).unique(dim=0)) == 40
    tested = torch.cat([next(each.test.batches(40))[0] for each in folds])
    assert len(tested.unique(dim=0)) == 40
    anew = unit_cells(tmp_path, folds=3, split_seed=3).splits()
    assert not torch.equal(cells_of(anew)[2][:13], cells_of(folds[0])[2][:13])


def cells_of(splits: Splits) -> list[torch.Tensor]:
    """Return the images of the three splits."""
    return [next(part.batches(40))[0] for part in (splits.train, splits.val, splits.test)]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"test_size": 40}, r"^dataset.test_size=40: cannot hold out 40 of 40"),
        ({"test_size": 0.001}, r"^dataset.test_size=0.001: cannot hold out 0 of 40"),
        ({"val_size": 32}, r"^dataset.val_size=32: cannot hold out 32 of 32"),
        ({"train_size": 29}, r"^dataset.train_size=29: only 28 are not held out"),
        ({"folds": 41}, r"^dataset.folds=41: there are only 40 cells"),
    ],
)
def test_impossible_divisions_are_refused(
    tmp_path: Path, arguments: dict[str, object], line: str
) -> None:
    with pytest.raises(ValueError, match=line):
        unit_cells(tmp_path, **arguments).splits()


def test_training_cells_move_with_their_labels(tmp_path: Path) -> None:
    moves = {f"augment_{name}": True for name in ("flip", "rotation", "transpose", "shift")}
    parts = unit_cells(tmp_path, **moves).splits()
    ((images, targets),) = parts.train.batches(28, seed=0)
    ((plain, _),) = unit_cells(tmp_path).splits().train.batches(28, seed=0)
    assert not torch.equal(images, plain)
    for image, target in zip(images, targets, strict=True):
        matrix = homogenise((image[0] > 0).int().numpy(), (0.01, 1.0))
        expected = [matrix[int(name[1]), int(name[2])] for name in COMPONENTS]
        torch.testing.assert_close(target, torch.tensor(expected).float(), rtol=1e-5, atol=1e-6)
    for part in (parts.train, parts.val, parts.test):
        batches = (part.batches(9) for _ in range(2))
        assert all(torch.equal(a, b) for (a, _), (b, _) in zip(*batches, strict=True))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"volume_fractions": (0.7, 0.3)}, r"^volume_fractions=\[0.7, 0.3\]: should ascend"),
        ({"length_scales": ()}, r"^length_scales=\[\]: "),
        ({"poisson_ratio": 1.0}, r"^poisson_ratio=1: "),
        ({"youngs_moduli": (1e-30, 1.0)}, r"^youngs_moduli=\[1e-30, 1.0\]: "),
        ({"anisotropy": 1e11}, r"^anisotropy=1e\+11: must be positive, and the least modulus at"),
        ({"anisotropy": float("nan")}, r"^anisotropy=nan: must be positive"),
        (
            {"anisotropy": 0.09},
            r"^poisson_ratio=0.3: must lie between -0.3 and 0.3, the square root of anisot",
        ),
        ({"anisotropy": 4, "augment_rotation": True}, r"^augment_rotation=True: with anisotropy=4"),
        ({"anisotropy": 4, "augment_transpose": True}, r"^augment_transpose=True: .*augment_flip"),
    ],
)
def test_impossible_settings_are_refused(
    tmp_path: Path, arguments: dict[str, object], line: str
) -> None:
    with pytest.raises(ValueError, match=line):
        unit_cells(tmp_path, **arguments)
