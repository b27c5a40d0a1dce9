r"""Separable kernels: functions of the position times functions of the group element.

ψ(p, h)[c_out, c_in] = Σ_r ψ₁ʳ(p)[c_out] · ψ₂ʳ(h)[c_out, c_in], r = 1 … R. A convolution with it
mixes channels and group elements at each pixel to R·C_out maps first, then filters every map alone,
and adds up the R maps of each channel. Of R = 1: Knigge, Romero & Bekkers, "Exploiting Redundancy:
Separable Group Convolutional Networks on Lie Groups", ICML 2022.

ψ₁ʳ and ψ₂ʳ are kernels of all coordinates, which are read where the others are 0. So each is as
smooth along its own as the kernel that they stand for: one of fewer coordinates, whose networks
divide their frequencies by their number, would turn less exactly between the pixels.
"""

import copy
from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from partial_equiv.ck.base import Kernel
from partial_equiv.groups import Group
from partial_equiv.intervals import Count

__all__ = ["SeparableKernel"]


class SeparableKernel(Kernel):
    """The sum of products of two kernels of the same kind.

    Args:
        in_coordinates, out_channels, in_channels: as for `Kernel`; the first two of the coordinates
            are the position.
        kernel: makes both, as kernel(in_coordinates, out_channels, in_channels).
        rank: R, how many products are added.

    Attributes:
        positions: ψ₁, [..., D] to [..., R·out_channels, 1]; r is outside, here and below.
        mixing: ψ₂, [..., D] to [..., R·out_channels, in_channels].
    """

    def __init__(
        self,
        in_coordinates: int,
        out_channels: int,
        in_channels: int,
        *,
        kernel: Callable[..., Kernel],
        rank: Count = 1,
    ) -> None:
        super().__init__(in_coordinates, out_channels, in_channels)
        self.rank = rank
        self.positions = kernel(in_coordinates, rank * out_channels, 1)
        self.mixing = kernel(in_coordinates, rank * out_channels, in_channels)

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
            "positions": self.positions.narrowed(self.rank * out_channels, 1),
            "mixing": self.mixing.narrowed(self.rank * out_channels, in_channels),
        }
        other.out_channels, other.in_channels = out_channels, in_channels
        return other

    def initialise(self, group: Group, coordinates: Tensor, variance: float) -> None:
        """Draw both; ψ₁² gets the mean 1/T, so that filtering T taps keeps the variance, of which
        each of the R products has a share."""
        num_taps = coordinates.shape[-2]
        position, element = self.apart(coordinates)
        self.positions.initialise(group, position[..., :1, :, :], 1 / num_taps)
        self.mixing.initialise(group, element[..., :1, :], variance * num_taps / self.rank)

    def forward(self, coordinates: Tensor) -> Tensor:
        position, element = self.apart(coordinates)
        return self.added(self.positions(position) * self.mixing(element), -2)

    def apart(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        """Where ψ₁ and where ψ₂ is read, [..., D] each, for coordinates [..., D]."""
        position = functional.pad(coordinates[..., :2], (0, self.in_coordinates - 2))
        return position, functional.pad(coordinates[..., 2:], (2, 0))

    def added(self, products: Tensor, dim: int) -> Tensor:
        if self.rank == 1:
            return products
        return products.unflatten(dim, (self.rank, self.out_channels)).sum(dim - (dim < 0))
