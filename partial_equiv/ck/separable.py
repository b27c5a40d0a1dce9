r"""Separable kernels: one function of the position times one function of the group element.

ψ(p, h)[c_out, c_in] = ψ₁(p)[c_out] · ψ₂(h)[c_out, c_in]. A convolution with it mixes channels and
group elements at each pixel first, and then filters every channel alone: Knigge, Romero & Bekkers,
"Exploiting Redundancy: Separable Group Convolutional Networks on Lie Groups", ICML 2022.
"""

import copy
from collections.abc import Callable

from torch import Tensor

from partial_equiv.ck.base import Kernel
from partial_equiv.groups import Group

__all__ = ["SeparableKernel"]


class SeparableKernel(Kernel):
    """The product of two kernels of the same kind.

    Args:
        in_coordinates, out_channels, in_channels: as for `Kernel`; the first two of the coordinates
            are the position.
        kernel: makes both, as kernel(in_coordinates, out_channels, in_channels).

    Attributes:
        positions: ψ₁, [..., 2] to [..., out_channels, 1].
        mixing: ψ₂, [..., D - 2] to [..., out_channels, in_channels].
    """

    def __init__(
        self,
        in_coordinates: int,
        out_channels: int,
        in_channels: int,
        *,
        kernel: Callable[..., Kernel],
    ) -> None:
        super().__init__(in_coordinates, out_channels, in_channels)
        self.positions = kernel(2, out_channels, 1)
        self.mixing = kernel(in_coordinates - 2, out_channels, in_channels)

    @property
    def square(self) -> bool:  # type: ignore[override]
        """Whether the layer reads its whole window: as ψ₁ wants it."""
        return self.positions.square

    @property
    def independent(self) -> bool:  # type: ignore[override]
        """Whether both start with independent weights."""
        return self.positions.independent and self.mixing.independent

    def narrowed(self, out_channels: int, in_channels: int) -> "SeparableKernel":
        other = copy.copy(self)
        other._modules = {
            "positions": self.positions.narrowed(out_channels, 1),
            "mixing": self.mixing.narrowed(out_channels, in_channels),
        }
        other.out_channels, other.in_channels = out_channels, in_channels
        return other

    def initialise(self, group: Group, coordinates: Tensor, variance: float) -> None:
        """Draw both; ψ₁² gets the mean 1/T, so that filtering T taps keeps the variance."""
        num_taps = coordinates.shape[-2]
        self.positions.initialise(group, coordinates[..., :1, :, :2], 1 / num_taps)
        self.mixing.initialise(group, coordinates[..., :1, 2:], variance * num_taps)

    def forward(self, coordinates: Tensor) -> Tensor:
        position, element = coordinates.split([2, coordinates.shape[-1] - 2], dim=-1)
        return self.positions(position) * self.mixing(element)
