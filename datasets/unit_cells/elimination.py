"""In which order to eliminate the nodes of a periodic grid, so that little fills in.

Nested dissection: a line of nodes parts the grid in two, each half is ordered so in turn, and the
line comes last. On a torus, one row and one column come after everything else.

A. George, "Nested Dissection of a Regular Finite Element Mesh", SIAM J. Numer. Anal. 10 (1973).
"""

import numpy as np
import numpy.typing as npt

__all__ = ["elimination_order"]

Nodes = npt.NDArray[np.int64]
LEAF = 8  # so few nodes need no order


def elimination_order(height: int, width: int) -> Nodes:
    """Return the numbers (row * width + column) of all nodes, in the order of elimination.

    >>> elimination_order(2, 2).tolist()
    [3, 1, 2, 0]
    """
    nodes = np.arange(height * width).reshape(height, width)
    return np.concatenate([*_parts(nodes[1:, 1:]), nodes[0, 1:], nodes[1:, 0], nodes[0, :1]])


def _parts(nodes: Nodes) -> list[Nodes]:
    if nodes.shape[0] < nodes.shape[1]:
        return _parts(nodes.T)
    if nodes.size <= LEAF:
        return [nodes.ravel()]
    middle = len(nodes) // 2
    return [*_parts(nodes[:middle]), *_parts(nodes[middle + 1 :]), nodes[middle]]
