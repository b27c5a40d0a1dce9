"""Which pieces a phase of a periodic cell consists of, and how they continue over the plane.

Pixels are neighbours if they share an edge: a hinge at a corner carries next to nothing. Cut open,
the cell falls into parts, which the seams link; a loop of links that ends one period further is a
winding of its piece.
"""

import math
from collections import defaultdict
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import label

__all__ = ["is_connected", "largest_piece"]

Cell = npt.NDArray[np.uint8]
Winding = tuple[int, int]  # periods downwards and to the right


def largest_piece(cell: Cell) -> Cell:
    """Return the cell [H, W] with the largest piece of its ones alone.

    >>> largest_piece(np.array([[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0]], np.uint8)).tolist()
    [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    """
    pieces, _ = _pieces(cell)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return ((pieces == sizes.argmax()) & (cell == 1)).astype(np.uint8)


def is_connected(cell: Cell) -> bool:
    """Return whether the ones of a cell [H, W], continued over the whole plane, are one piece.

    A bar across the cell is not: it repeats as many parallel bars.
    """
    pieces, windings = _pieces(cell)
    if pieces.max() != 1:
        return False
    # The loops lead to every period iff their windings generate Z²: no common factor of all areas.
    areas = [a * d - b * c for (a, b), (c, d) in combinations(sorted(windings[1]), 2)]
    return math.gcd(*areas) == 1


def _pieces(cell: Cell) -> tuple[npt.NDArray[np.int64], dict[int, set[Winding]]]:
    """Return the piece of each pixel [H, W], numbered from 1 (0: none), and pieces' windings."""
    parts, num = label(cell)
    links: defaultdict[int, set[tuple[int, Winding]]] = defaultdict(set)
    seams = ((parts[-1], parts[0], (1, 0)), (parts[:, -1], parts[:, 0], (0, 1)))
    for before, after, (down, right) in seams:
        for one, other in set(zip(before.tolist(), after.tolist(), strict=True)):
            if one and other:
                links[one].add((other, (down, right)))
                links[other].add((one, (-down, -right)))
    piece = np.zeros(num + 1, dtype=np.int64)
    windings: dict[int, set[Winding]] = {}
    for start in range(1, num + 1):
        if piece[start]:
            continue
        number = len(windings) + 1
        piece[start] = number
        windings[number] = set()
        offsets, waiting = {start: (0, 0)}, [start]
        while waiting:
            part = waiting.pop()
            for other, (down, right) in links[part]:
                here = offsets[part][0] + down, offsets[part][1] + right
                if other not in offsets:
                    piece[other], offsets[other] = number, here
                    waiting.append(other)
                elif here != offsets[other]:
                    there = offsets[other]
                    windings[number].add((here[0] - there[0], here[1] - there[1]))
    return piece[parts], windings
