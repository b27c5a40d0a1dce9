r"""Free weights on the grid of pixels: the kernel of an ordinary or a p4, p4m, mirror convolution.

ψ(p, h) = |H|·w[h, p] at the pixels p of the window and the elements h of a finite group H whose
elements all map pixels to pixels. Then each h⁻¹p is a pixel of the window again, and a layer moves
the weights by permuting them, exactly. The factor |H| cancels the mean over the group, so that w
are the weights of the plain sum (f⋆ψ)(x, h) = Σ_h' Σ_p f(x + p, h') w[h⁻¹h', h⁻¹p].

Cohen & Welling, "Group Equivariant Convolutional Networks", ICML 2016.
"""

from collections.abc import Callable
from math import isqrt

import torch
from torch import Tensor, nn

from partial_equiv.ck.base import Kernel
from partial_equiv.groups import Group
from partial_equiv.refusal import Refusal

__all__ = ["GridKernel"]


class GridKernel(Kernel):
    """One free weight for each pixel of the window, element of the group and pair of channels.

    Attributes:
        weight: w [out_channels, in_channels, |H|, k, k], elements in the group's order; |H| is 1
            for a kernel that reads positions alone. There is none before `initialise`.

    >>> from functools import partial
    >>> import partial_equiv as pe
    >>> p4 = partial(pe.Sampling, pe.Cyclic(4))
    >>> pe.GroupConv(8, 16, kernel=pe.GridKernel, sampling=p4).kernel.weight.shape
    torch.Size([16, 8, 4, 3, 3])
    """

    square, independent = True, True
    points: Tensor
    weight: nn.Parameter

    def initialise(self, group: Group, coordinates: Tensor, variance: float) -> None:
        """Draw w by He et al.'s (2015) rule: mean square `variance` / |H|."""
        if not group.permutes_pixels:
            raise Refusal(
                f"{type(group).__name__} has elements that do not map pixels to pixels, "
                "use T2, mirror, or cyclic or dihedral of order 1, 2 or 4",
                kernel="grid",
            )
        at_identity = coordinates[0, 0]  # [|H|, k², D], the identity comes first
        num_elements, num_taps, _ = at_identity.shape
        shape = (self.out_channels, self.in_channels, num_elements, isqrt(num_taps), -1)
        draws = torch.randn(self.out_channels, self.in_channels, num_elements * num_taps)
        self.weight = nn.Parameter((draws * (variance / num_elements) ** 0.5).view(shape))
        self.register_buffer("points", at_identity.flatten(0, 1), persistent=False)

    def narrowed(self, out_channels: int, in_channels: int) -> "GridKernel":
        return GridKernel(self.in_coordinates, out_channels, in_channels)

    def forward(self, coordinates: Tensor) -> Tensor:
        """The weights at the grid's points nearest to the coordinates: at the points themselves,
        for all that a layer asks for."""
        nearest = self._nearest(coordinates)
        weights = self.weight.flatten(2).index_select(2, nearest.flatten())
        weights = weights * self.weight.shape[2]  # [C_out, C_in, points]
        return weights.permute(2, 0, 1).unflatten(0, nearest.shape)

    def windows(
        self,
        coordinates: Tensor,
        measure: Tensor | None,
        spread: Callable[[Tensor], Tensor],
        mixture: Tensor | None = None,
    ) -> Tensor:
        """As `Kernel.windows`. Kernels are mixed before their weights are moved."""
        if mixture is None:
            return super().windows(coordinates, measure, spread)
        nearest = self._nearest(coordinates)  # [S, G_out, G_in, k²]
        banks = self.weight.flatten(2).unflatten(0, (mixture.shape[-1], -1))
        mixed = torch.einsum("sgl,loip->sgoip", mixture, banks) * self.weight.shape[2]
        places = nearest.flatten(2)[:, :, None, None]  # [S, G_out, 1, 1, G_in·k²]
        sizes = torch.broadcast_shapes(mixed.shape[:-1], places.shape[:-1])
        moved = mixed.expand(*sizes, -1).gather(-1, places.expand(*sizes, -1))
        weights = moved.unflatten(-1, nearest.shape[2:])
        return weights if measure is None else weights * measure[:, None, None, None, :, None]

    def _nearest(self, coordinates: Tensor) -> Tensor:
        """The indices [...] of the grid's points nearest to coordinates [..., D]."""
        return (coordinates[..., None, :] - self.points).square().sum(-1).argmin(-1)

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.weight.shape)) if hasattr(self, "weight") else ""
