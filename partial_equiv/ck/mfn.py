r"""Multiplicative filter networks: products of filters of the coordinates, with linear layers
between.

z_1 = g_1(c),  z_{i+1} = (A_i z_i + a_i) ⊙ g_{i+1}(c),  b(c) = z_L.

FourierNet filters are sines, g(c) = sin(Wc + b); GaborNet filters are sines in an isotropic
Gaussian window, MAGNet's window has a width of its own along every coordinate.

Fathony et al., "Multiplicative Filter Networks", ICLR 2021; Romero et al., "FlexConv", ICLR 2022.
"""

from math import pi

import torch
from torch import Tensor, nn
from torch.nn import functional

from partial_equiv.ck.base import ContinuousKernel
from partial_equiv.ck.linear import UniformLinear
from partial_equiv.intervals import Count, Positive

__all__ = ["FourierNet", "GaborNet", "MAGNet"]


class FourierFilter(nn.Module):
    """g(c) = sin(Wc + b), W ~ U(±scale/√D), b ~ U(±π)."""

    def __init__(self, in_coordinates: int, num_features: int, scale: float) -> None:
        super().__init__()
        bound = scale / max(in_coordinates, 1) ** 0.5
        self.linear = UniformLinear(in_coordinates, num_features, bound, bias_bound=pi)

    def forward(self, coordinates: Tensor) -> Tensor:
        return self.linear(coordinates).sin()


class GaborFilter(nn.Module):
    """g(c) = sin(Wc + b)·exp(-½ Σ_d γ_d² (c_d - μ_d)²), μ ~ U(±1), γ² ~ Gamma(α, β) at the start.

    `num_widths` is 1 for one width γ per filter (Gabor) or D for one along each axis (MAGNet). The
    frequencies W are scaled by γ, so that every window holds as many waves.
    """

    def __init__(
        self,
        in_coordinates: int,
        num_features: int,
        scale: float,
        alpha: float,
        beta: float,
        num_widths: int,
    ) -> None:
        super().__init__()
        draws = torch.distributions.Gamma(alpha, beta).sample((num_features, num_widths))
        self.gamma = nn.Parameter(draws.sqrt())
        self.mu = nn.Parameter(torch.empty(num_features, in_coordinates).uniform_(-1, 1))
        self.sine = FourierFilter(in_coordinates, num_features, scale)
        with torch.no_grad():
            self.sine.linear.weight.mul_(self.gamma)

    def forward(self, coordinates: Tensor) -> Tensor:
        precision = self.gamma.square().expand_as(self.mu)  # [K, D]
        # -½ Σ_d γ_d² (c_d - μ_d)², multiplied out: linear in (c², c), and no tensor has K·D columns
        terms = torch.cat([coordinates.square(), coordinates], dim=-1)
        factors = torch.cat([-0.5 * precision, precision * self.mu], dim=-1)
        constant = -0.5 * (precision * self.mu.square()).sum(-1)
        return self.sine(coordinates) * functional.linear(terms, factors, constant).exp()


class _MFN(ContinuousKernel):
    """The recursion that the three kinds share; they differ in their `filters`."""

    def __init__(
        self, in_coordinates: int, out_channels: int, in_channels: int, filters: list[nn.Module],
        hidden_channels: int,
    ) -> None:  # fmt: skip
        super().__init__(in_coordinates, out_channels, in_channels, hidden_channels)
        self.filters = nn.ModuleList(filters)
        bound = (1 / hidden_channels) ** 0.5
        self.linears = nn.ModuleList(
            UniformLinear(hidden_channels, hidden_channels, bound) for _ in filters[1:]
        )

    def basis(self, coordinates: Tensor) -> Tensor:
        first, *rest = self.filters
        features = first(coordinates)
        for linear, filter_ in zip(self.linears, rest, strict=True):
            features = linear(features) * filter_(coordinates)
        return features


class FourierNet(_MFN):
    """Products of sines.

    Args:
        hidden_channels: K, filters per layer and size of the basis.
        num_layers: filters that are multiplied.
        input_scale: radians per radius that the *product* may reach; each filter gets a share of
            1/√num_layers. (256 as published for whole images; a 7x7 stencil resolves about 9.)

    >>> FourierNet(4, 8, 3)(torch.zeros(5, 4)).shape
    torch.Size([5, 8, 3])
    """

    def __init__(
        self,
        in_coordinates: int,
        out_channels: int,
        in_channels: int,
        *,
        hidden_channels: Count = 32,
        num_layers: Count = 3,
        input_scale: Positive = 8.0,
    ) -> None:
        scale = input_scale / num_layers**0.5
        filters = [FourierFilter(in_coordinates, hidden_channels, scale) for _ in range(num_layers)]
        super().__init__(in_coordinates, out_channels, in_channels, list(filters), hidden_channels)


class GaborNet(_MFN):
    """Products of Gabor filters.

    Args:
        hidden_channels: K, filters per layer and size of the basis.
        num_layers: filters that are multiplied.
        input_scale: as for `FourierNet`, times the filter's γ.
        alpha, beta: of the Gamma distribution that the squared widths γ² are drawn from.

    >>> GaborNet(4, 8, 3)(torch.zeros(5, 4)).shape
    torch.Size([5, 8, 3])
    """

    anisotropic = False

    def __init__(
        self,
        in_coordinates: int,
        out_channels: int,
        in_channels: int,
        *,
        hidden_channels: Count = 32,
        num_layers: Count = 3,
        input_scale: Positive = 4.0,
        alpha: Positive = 6.0,
        beta: Positive = 1.0,
    ) -> None:
        filters = [
            GaborFilter(
                in_coordinates,
                hidden_channels,
                input_scale / num_layers**0.5,
                alpha / num_layers,
                beta,
                in_coordinates if self.anisotropic else 1,
            )
            for _ in range(num_layers)
        ]
        super().__init__(in_coordinates, out_channels, in_channels, list(filters), hidden_channels)


class MAGNet(GaborNet):
    """Products of anisotropic Gabor filters; arguments as of `GaborNet`.

    >>> MAGNet(4, 8, 3)(torch.zeros(5, 4)).shape
    torch.Size([5, 8, 3])
    """

    anisotropic = True
