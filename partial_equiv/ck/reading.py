"""Readings: where a layer reads a kernel, and how that becomes the weight of a convolution."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt

from torch import Tensor

from partial_equiv.ck.base import ContinuousKernel, Kernel

__all__ = ["Reading"]


@dataclass(frozen=True)
class Reading:
    """Where a layer reads its kernel. Another kernel can be read as the layer's own is, also at
    coordinates of its own: `reading.weight(kernel, coordinates)`.

    Attributes:
        elements: h of the output [S, G_out, d].
        inputs: h' that come in [S, G_in, d].
        coordinates: what an equivariant kernel reads to get from h' to h, [S, G_out, G_in, T, D]
            at T taps; G_in is 1 for a kernel that does not look at h'.
        shares: what each h' contributes to the mean over the group [S, G_in]; None: no mean.
        spread: from the taps [..., T, K] to the pixels of the window [..., k², K].
    """

    elements: Tensor
    inputs: Tensor
    coordinates: Tensor
    shares: Tensor | None
    spread: Callable[[Tensor], Tensor]

    def weight(
        self, kernel: Kernel, coordinates: Tensor | None = None, mixture: Tensor | None = None
    ) -> Tensor:
        """The weight [S, G_out, C_out, C_in, G_in, k, k] of a convolution with this kernel.

        Args:
            kernel: of coordinates [..., D].
            coordinates: that it reads [S, G_out, G_in, T, D]; None: those of the reading.
            mixture: of the L kernels that it holds, [S, G_out, L], see `Kernel.windows`.
        """
        read = self.coordinates if coordinates is None else coordinates
        windows = kernel.windows(read, self.shares, self.spread, mixture)
        return windows.unflatten(-1, (isqrt(windows.shape[-1]), -1))

    def filters(self, kernel: ContinuousKernel) -> Tensor:
        """The basis of this kernel where the layer reads it, as the weight of a convolution from
        one channel to K + 1: [S, G_out, K + 1, 1, G_in, k, k]."""
        points = kernel.points(self.coordinates, self.shares, self.spread)
        filters = points.permute(0, 1, 4, 2, 3)[:, :, :, None]
        return filters.unflatten(-1, (isqrt(filters.shape[-1]), -1))
