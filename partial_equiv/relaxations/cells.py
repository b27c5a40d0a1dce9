"""The cells of a group: the elements of a layer's grid, each for all that lie nearest to it.

What a relaxation learns for each element, it learns for each cell. A random shift of the grid,
which is less than half of its spacing, stays within the cells.
"""

from math import atan2, degrees

import torch
from torch import Tensor, nn

from partial_equiv.refusal import Refusal
from partial_equiv.relaxations.relaxation import Layer

__all__ = ["Cells"]


class Cells(nn.Module):
    """The n cells of a layer.

    The elements g_k = h_k·h_0⁻¹ move its grid onto itself: all of a finite group, and the turns by
    multiples of 360°/n (with mirrors) of a sampled one. They are a group of n elements, too.

    Args:
        layer: whose grid it is.

    Attributes:
        names: of the g_k, as those of `Group.optional_parts`.
        quotients: [n, n], the k with g_k·h_j = h_i, at row i and column j.

    Raises:
        Refusal: if there is one element only.

    >>> from partial_equiv.groups import SO2
    >>> cells = Cells(Layer(SO2(), 4))
    >>> cells.names
    ['identity', 'rot90', 'rot180', 'rot270']
    >>> cells(torch.tensor([[-2.5], [2.5]])).tolist()
    [0, 3]
    """

    quotients: Tensor
    coordinates: Tensor

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        if layer.num_samples == 1:
            raise Refusal(
                "a layer that computes one group element has nothing to relax, use partial=False",
                partial=True,
            )
        self.group = group = layer.group
        grid = group.grid(layer.num_samples, torch.float64)
        moves = group.product(grid, group.inverse(grid[:1]))
        quotients = group.product(grid[:, None], group.inverse(grid))
        self.names = [name(matrix) for matrix in group.matrix(moves).tolist()]
        coordinates = group.coordinates(grid).to(torch.get_default_dtype())
        self.register_buffer("coordinates", coordinates, persistent=False)
        nearest = nearest_of(group.coordinates(moves), group.coordinates(quotients))
        self.register_buffer("quotients", nearest, persistent=False)

    def __len__(self) -> int:
        return len(self.coordinates)

    def forward(self, elements: Tensor) -> Tensor:
        """The cells [...] of elements [..., d]."""
        return nearest_of(self.coordinates, self.group.coordinates(elements))


def nearest_of(places: Tensor, coordinates: Tensor) -> Tensor:
    """Which of n places [n, c] lies nearest to each of the coordinates [..., c]: indices [...]."""
    return (coordinates[..., None, :] - places).square().sum(-1).argmin(-1)


def name(matrix: list[list[float]]) -> str:
    """The name of an orthogonal matrix M^m·R(angle), such as rot90 or rot90_mirror."""
    (a, b), (c, d) = matrix
    mirrored = a * d < b * c
    angle = round(degrees(atan2(-b if mirrored else b, -a if mirrored else a))) % 360
    parts = [f"rot{angle}"] * (angle != 0) + ["mirror"] * mirrored
    return "_".join(parts) or "identity"
