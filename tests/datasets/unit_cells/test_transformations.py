"""Symmetries move a cell and its label together: checked against the moved cell's own stiffness."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from datasets.randomness import keyed_generator
from datasets.unit_cells import COMPONENTS, homogenise
from datasets.unit_cells.materials import plane_stress
from datasets.unit_cells.transformations import (
    RandomSymmetry,
    mirrored,
    shifted,
    transposed,
    turned,
)

SIDE = 6
Pair = tuple[Tensor, Tensor]


def label(image: Tensor, anisotropy: float = 1.0) -> Tensor:
    """Return the stiffness [6] of an image [1, H, W]."""
    cell = image[0].round().numpy()
    stiffness = torch.from_numpy(homogenise(cell, (0.1, 1.0), anisotropy=anisotropy))
    return torch.stack([stiffness[int(name[1]), int(name[2])] for name in COMPONENTS])


def random_cells(seed: int, num: int) -> Pair:
    """Return random images [N, 1, SIDE, SIDE], without any symmetry, and their labels [N, 6]."""
    images = (torch.rand(num, 1, SIDE, SIDE, generator=keyed_generator(seed)) < 0.5).double()
    return images, torch.stack([label(image) for image in images])


def a_shift(images: Tensor, labels: Tensor) -> Pair:
    """Shift two images by all residues between them."""
    steps = torch.arange(len(images))
    return shifted(images, labels, 1 + steps, 5 * steps + 2)


MOVES: dict[str, Callable[[Tensor, Tensor], Pair]] = {
    "left to right": mirrored,
    "top to bottom": lambda images, labels: mirrored(images, labels, -2),
    "transposition": transposed,
    **{f"{k} quarters": lambda i, q, k=k: turned(i, q, k) for k in (-1, 1, 2, 3)},
    "shift": a_shift,
}


@pytest.mark.parametrize("name", MOVES)
@settings(max_examples=10)
@given(st.integers(0, 2**32))
def test_the_label_of_a_moved_cell_is_its_stiffness(name: str, seed: int) -> None:
    images, labels = random_cells(seed, 2)
    moved, moved_labels = MOVES[name](images, labels)
    for image, expected in zip(moved, moved_labels, strict=True):
        torch.testing.assert_close(label(image), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", MOVES)
def test_anisotropic_phases_break_the_square_to_a_rectangle(name: str) -> None:
    """Where E1 = 4 E2, mirrors in the axes, half turns and shifts are exact still; where x and y
    change places, labels are wrong by as much as they are large, and by √2 (Q00 − Q11) where the
    whole cell is stiff."""
    images, _ = random_cells(0, 4)
    images[3] = 1
    labels = torch.stack([label(image, anisotropy=4) for image in images])
    moved, moved_labels = MOVES[name](images, labels)
    found = torch.stack([label(image, anisotropy=4) for image in moved])
    errors = (found - moved_labels).norm(dim=1) / found.norm(dim=1)
    if name in {"transposition", "-1 quarters", "1 quarters", "3 quarters"}:
        assert 0.7 < errors.min() <= errors.max() < 1.3
        material = plane_stress(0.3, 4)
        gap = np.sqrt(2) * (material[0, 0] - material[1, 1])
        assert errors[3].item() == pytest.approx(gap / labels[3].norm().item(), rel=1e-9)
    else:
        assert errors.max() < 1e-10


def test_the_cells_tell_wrong_laws_from_right_ones() -> None:
    images, labels = random_cells(0, 2)
    for move in (mirrored, transposed, turned):
        moved, _ = move(images, labels)
        assert (label(moved[0]) - labels[0]).abs().max() > 1e-3


def test_a_shift_moves_down_and_right() -> None:
    image = torch.zeros(1, 1, 3, 4)
    image[0, 0, 2, 1] = 1
    moved, _ = shifted(image, torch.zeros(1, 6), torch.tensor([2]), torch.tensor([3]))
    assert moved[0, 0].nonzero().tolist() == [[1, 0]]
    assert torch.equal(moved, image.roll((2, 3), (-2, -1)))


@pytest.mark.parametrize(
    ("kind", "copies"),
    [("flip", 4), ("rotation", 4), ("transpose", 2), ("shift", SIDE**2)],
)
def test_each_sample_takes_its_own_draw(kind: str, copies: int) -> None:
    image, one = random_cells(1, 1)
    images, labels = image.expand(400, -1, -1, -1), one.expand(400, -1)
    symmetry = RandomSymmetry(**{kind: True})
    moved, moved_labels = symmetry(images, labels, keyed_generator(0))
    assert moved.shape == images.shape
    distinct, place, counts = moved.unique(dim=0, return_inverse=True, return_counts=True)
    assert len(distinct) == copies
    assert counts.min() > 400 / copies / 10
    for i, each in enumerate(distinct):
        own = moved_labels[place == i]
        torch.testing.assert_close(own, label(each).expand_as(own), rtol=1e-9, atol=1e-10)


def test_all_together_and_none() -> None:
    images, labels = random_cells(2, 8)
    symmetry = RandomSymmetry(flip=True, rotation=True, transpose=True, shift=True)
    first, again, other = (symmetry(images, labels, keyed_generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])
    for image, expected in zip(*first, strict=True):
        torch.testing.assert_close(label(image), expected, rtol=1e-9, atol=1e-10)
    assert symmetry
    assert not RandomSymmetry()
    untouched = RandomSymmetry()(images, labels, keyed_generator(0))
    assert np.all([torch.equal(*pair) for pair in zip(untouched, (images, labels), strict=True)])
