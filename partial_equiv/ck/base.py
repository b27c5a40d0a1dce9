r"""The contract of a kernel: a function from coordinates to the weights of a convolution.

A continuous kernel is a small network ψ(c) = W·b(c) + w₀, where the *basis* b: R^D → R^K is what
the kinds of kernel differ in and the *read-out* (W, w₀) is linear. The split lets the sum of a
convolution be reordered.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from partial_equiv.ck.product import product
from partial_equiv.groups import Group

__all__ = ["ContinuousKernel", "Kernel"]

CONSTANT = 6  # times the share that the mean of N independent weights has of their power
FAINT = 0.1  # of the strongest variance of a basis: what is weaker is not amplified to its strength


class Kernel(nn.Module, ABC):
    """Maps coordinates [..., in_coordinates] to weights [..., out_channels, in_channels].

    Args:
        in_coordinates: D, numbers per point: 2 for a position, plus the group's coordinates.
        out_channels: channels that the convolution computes.
        in_channels: channels that it reads.

    Attributes:
        square: whether the layer reads its whole k x k window, and not only the disc in it.
        independent: whether the weights at different taps and elements start independent.
    """

    square: ClassVar[bool] = False
    independent: ClassVar[bool] = False

    def __init__(self, in_coordinates: int, out_channels: int, in_channels: int) -> None:
        super().__init__()
        self.in_coordinates = in_coordinates
        self.out_channels, self.in_channels = out_channels, in_channels

    @abstractmethod
    def initialise(self, group: Group, coordinates: Tensor, variance: float) -> None:
        """Draw the weights, once it is known which layer they are for.

        Args:
            group: that the layer is equivariant to.
            coordinates: of all that the layer reads, [1, G_out, G_in, T, D] over the whole group.
            variance: mean square of what a tap is multiplied with, summed over the G_in elements
                that are read there: of each one a G_in-th of a weight, by the mean over them.

        Raises:
            Refusal: if the kernel cannot serve this group.
        """

    @abstractmethod
    def narrowed(self, out_channels: int, in_channels: int) -> "Kernel":
        """A kernel of the same functions between other channels, whose weights are not drawn."""

    @abstractmethod
    def forward(self, coordinates: Tensor) -> Tensor:
        """The weights [..., out_channels, in_channels] at coordinates [..., D]."""

    def energy(self, coordinates: Tensor) -> Tensor:
        """The sum of all squared weights at coordinates [..., D] (scalar)."""
        return self(coordinates).square().sum()

    def added(self, products: Tensor, dim: int) -> Tensor:
        """What is left of a dimension of all that a convolution writes: C_out channels, each the
        sum of the products that a kernel consists of (see `SeparableKernel`); here, one."""
        return products

    def windows(
        self,
        coordinates: Tensor,
        measure: Tensor | None,
        spread: Callable[[Tensor], Tensor],
        mixture: Tensor | None = None,
    ) -> Tensor:
        """The weights of a convolution, [S, G_out, C_out, C_in, G_in, k²].

        Args:
            coordinates: [S, G_out, G_in, T, D].
            measure: factors of the incoming elements [S, G_in]; None for 1.
            spread: from the taps [..., T, K] to the window [..., k², K].
            mixture: [S, G_out, L], for a kernel whose output channels are those of L kernels, one
                after the other: how much of each one an outgoing element gets. C_out is then an
                L-th of the kernel's.
        """
        values = self(coordinates)  # [S, G_out, G_in, T, C_out, C_in]
        if mixture is not None:
            banks = values.unflatten(4, (mixture.shape[-1], -1))
            values = torch.einsum("sgl,sghtloi->sghtoi", mixture, banks)
        if measure is not None:
            values = values * measure[:, None, :, None, None, None]
        windows = spread(values.flatten(4)).unflatten(4, values.shape[4:])
        return windows.permute(0, 1, 4, 5, 2, 3).contiguous()


class ContinuousKernel(Kernel):
    """A network of the coordinates.

    Args:
        in_coordinates, out_channels, in_channels: as for `Kernel`.
        num_features: K, size of the basis.
    """

    def __init__(
        self, in_coordinates: int, out_channels: int, in_channels: int, num_features: int
    ) -> None:
        super().__init__(in_coordinates, out_channels, in_channels)
        self.readout = nn.Linear(num_features, out_channels * in_channels)

    @abstractmethod
    def basis(self, coordinates: Tensor) -> Tensor:
        """The basis functions [..., K] at coordinates [..., D]."""

    def forward(self, coordinates: Tensor) -> Tensor:
        weights = self.readout(self.basis(coordinates))
        return weights.unflatten(-1, (self.out_channels, self.in_channels))

    @property
    def whole_readout(self) -> Tensor:
        """The read-out as one matrix (W, w₀), [C_out·C_in, K + 1]."""
        return torch.cat([self.readout.weight, self.readout.bias[:, None]], dim=1)

    def whole_basis(self, coordinates: Tensor) -> Tensor:
        """The basis and the 1 that w₀ is multiplied with, [..., K + 1]."""
        return functional.pad(self.basis(coordinates), (0, 1), value=1.0)

    def energy(self, coordinates: Tensor) -> Tensor:
        """As `Kernel.energy`, without a weight being written: tr(W B Wᵀ), B = Σ b(c) b(c)ᵀ."""
        basis, readout = self.whole_basis(coordinates).flatten(0, -2), self.whole_readout
        return ((readout @ (basis.mT @ basis)) * readout).sum()

    def points(
        self, coordinates: Tensor, measure: Tensor | None, spread: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """What the read-out reads to write the `windows`, [S, G_out, G_in, k², K + 1]."""
        basis = self.whole_basis(coordinates)
        if measure is not None:
            basis = basis * measure[:, None, :, None, None]
        return spread(basis)

    def windows(
        self,
        coordinates: Tensor,
        measure: Tensor | None,
        spread: Callable[[Tensor], Tensor],
        mixture: Tensor | None = None,
    ) -> Tensor:
        """As `Kernel.windows`. What a weight is multiplied with, and the zeros outside of the disc,
        are put into the basis, which is small; the read-out then writes the weights where the
        convolution wants them, in one matrix product for each outgoing element. Kernels are mixed
        by mixing their read-outs, which are smaller than the weights.

        Under autocast only that last product knows of it, see `product`."""
        with torch.autocast(coordinates.device.type, enabled=False):
            basis, readout = self.points(coordinates, measure, spread), self.whole_readout
            points = basis.flatten(2, 3).flatten(0, 1)  # [S·G_out, G_in·k², K + 1]
            if mixture is None:
                readouts = readout.expand(len(points), -1, -1)
            else:
                shares = mixture.expand(len(basis), -1, -1).flatten(0, 1)  # [S·G_out, L]
                banks = readout.unflatten(0, (shares.shape[1], -1))
                readouts = torch.tensordot(shares, banks, dims=1)
        weights = product(readouts, points)
        channels, window = (-1, self.in_channels), basis.shape[2:4]
        return weights.view(*basis.shape[:2], *channels, *window)

    @torch.no_grad()
    def initialise(self, group: Group, coordinates: Tensor, variance: float) -> None:
        """Redraw the read-out so that the weights have the variance of N = G_in·T independent ones.

        A random network's output scale says nothing of the convolution it feeds; this is He et
        al.'s (2015) rule for the weights that the convolution sees. Their mean over the N points is
        drawn apart from what varies, because the constant part of a map, which a ReLU always
        leaves, is multiplied with the mean alone: the smoothest kernels would be all mean. It has 6
        times the share that it has of independent weights, which keeps turns between the pixels
        as exact as they are. What varies is drawn evenly over all that the basis can write. Both
        are scaled to be exact for each channel that is written: a filter of one channel may not be
        lucky.
        """
        variance *= coordinates.shape[-3]
        basis = self.basis(coordinates).flatten(0, -2)  # [points, K]
        centre = basis.mean(0)
        varying = basis - centre
        share = min(CONSTANT / coordinates.shape[-3:-1].numel(), 0.5)
        if varying.square().sum() < 1e-6 * basis.square().sum():  # the kernel is read at one point
            varying, centre, share = basis, torch.zeros_like(centre), 0.0
        draws = torch.randn_like(self.readout.weight) @ decorrelation(varying).mT
        covariance = varying.mT @ varying / len(varying)
        power = self._mean_over_inputs(((draws @ covariance) * draws).sum(-1, keepdim=True))
        self.readout.weight.copy_(draws * (variance * (1 - share) / power).sqrt())
        means = torch.randn_like(draws[:, :1])
        means = means * (variance * share / self._mean_over_inputs(means.square())).sqrt()
        self.readout.bias.copy_(means[:, 0] - self.readout.weight @ centre)

    def _mean_over_inputs(self, values: Tensor) -> Tensor:
        """The mean of numbers [C_out·C_in, 1] over the input channels, for each of them again."""
        mean = values.view(self.out_channels, self.in_channels).mean(1).clamp_min(1e-12)
        return mean.repeat_interleave(self.in_channels)[:, None]

    def narrowed(self, out_channels: int, in_channels: int) -> "ContinuousKernel":
        readout = nn.Linear(self.readout.in_features, out_channels * in_channels)
        readout.to(self.readout.weight)
        other = copy.deepcopy(self, {id(self.readout): readout})
        other.out_channels, other.in_channels = out_channels, in_channels
        return other


def decorrelation(features: Tensor) -> Tensor:
    """A matrix [K, K] that makes features [N, K] of mean 0 uncorrelated and equally strong, but for
    those that hardly vary."""
    values, vectors = torch.linalg.eigh(features.mT @ features / len(features))
    return vectors / (values.clamp_min(0) + FAINT * values.amax()).sqrt()
