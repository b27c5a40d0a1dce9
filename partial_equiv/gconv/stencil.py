"""Where a kernel lives: the pixels of a k x k window, or those that lie inside the unit disc."""

import torch
from torch import Tensor, nn

__all__ = ["Stencil"]


class Stencil(nn.Module):
    """The taps of a k x k kernel, as positions (x, y) on linspace(-1, 1)² with norm ≤ 1.

    The disc is taken from unrotated positions, so that a tap does not flicker with the angle.

    Args:
        kernel_size: k.
        square: take all k² pixels of the window.

    Attributes:
        positions: [T, 2], T taps inside the disc: 1 for k = 1, 5 for 3, 29 for 7.
        inside: [T], which of the k² pixels they are.

    >>> Stencil(3).positions.tolist()
    [[0.0, -1.0], [-1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """

    positions: Tensor
    inside: Tensor

    def __init__(self, kernel_size: int, square: bool = False) -> None:
        super().__init__()
        self.kernel_size, self.square = kernel_size, square
        steps = 2 * torch.arange(kernel_size) - (kernel_size - 1)  # whole numbers: exact on the rim
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        inside = (x.square() + y.square() <= max(kernel_size - 1, 1) ** 2).flatten() | square
        grid = torch.stack([x, y], dim=-1).flatten(0, 1)[inside]
        positions = grid.to(torch.get_default_dtype()) / max(kernel_size - 1, 1)
        self.register_buffer("positions", positions, persistent=False)
        self.register_buffer("inside", inside.nonzero()[:, 0], persistent=False)

    @property
    def num_taps(self) -> int:
        """T, the taps inside the disc."""
        return len(self.positions)

    def spread(self, values: Tensor) -> Tensor:
        """Values at the taps [..., T, K] at all pixels of the window [..., k², K], zero outside the
        disc."""
        if self.square:
            return values
        window = values.new_zeros(*values.shape[:-2], self.kernel_size**2, values.shape[-1])
        return window.index_copy(-2, self.inside, values)

    def extra_repr(self) -> str:
        return f"{self.kernel_size}, num_taps={self.num_taps}"
