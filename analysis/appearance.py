"""What figures share: colours that the colour-blind can tell apart, names of elements, saving."""

from math import atan2, degrees
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BLUE", "GREEN", "GREY", "VERMILLION", "element_names", "save"]

# Okabe and Ito, "Color Universal Design" (2008).
BLUE, VERMILLION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"


def element_names(matrices: Tensor) -> list[str]:
    """Short names of elements R(θ)·Mᵐ with matrices [G, 2, 2]: the angle, and M for mirrored.

    >>> import torch
    >>> element_names(torch.tensor([[[0.0, 1.0], [-1.0, 0.0]], [[-1.0, 0.0], [0.0, 1.0]]]))
    ['90°', '0°·M']
    """
    names = []
    for matrix in matrices.tolist():
        angle = round(degrees(atan2(matrix[0][1], matrix[1][1])), 1) + 0.0  # no -0
        mirrored = matrix[0][0] * matrix[1][1] - matrix[0][1] * matrix[1][0] < 0
        names.append(f"{angle:g}°·M" if mirrored else f"{angle:g}°")
    return names


def save(figure: "Figure", path: Path) -> None:
    """Write the figure as a PNG; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
