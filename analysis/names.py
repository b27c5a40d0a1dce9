"""Names in plain English, for figures and tables: of nets, of parts of a group, of its elements."""

from collections.abc import Mapping
from math import atan2, degrees

from torch import Tensor

__all__ = ["element_names", "plain"]

PLAIN: Mapping[str, str] = {
    "baseline": "no symmetry",
    "parity": "whole mirror group",
    "partial": "learns how much of the group",
    "cnn": "plain convolutions",
    "flip": "equivariant: mirror",
    "c4": "equivariant: quarter turns",
    "d4": "equivariant: quarter turns, mirror",
    "shift": "invariant: shifts",
    "d4_shift": "equivariant: quarter turns, mirror, shifts",
    "gamma": "γ, times the free weights",
    "multiplier": "multiplier λ\nof the constraint on γ",
    "entropy": "entropy of the averaging\n(1: exact, 0: free)",
    "spread": "difference between elements\n(0: exact)",
}


def plain(name: str) -> str:
    """What a code name means, in plain English; names that say it themselves stay.

    >>> plain("cnn"), plain("SE2, partial"), plain("rot90_mirror")
    ('plain convolutions', 'SE2, partial', 'mirror, turn by 90°')
    """
    if name in PLAIN:
        return PLAIN[name]
    mirrored, turn = name.endswith("mirror"), name.removesuffix("mirror").removesuffix("_")
    if turn.startswith("rot") and turn[3:].isdecimal():
        return f"{'mirror, ' if mirrored else ''}turn by {turn[3:]}°"
    return name.replace("_", " ")


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
