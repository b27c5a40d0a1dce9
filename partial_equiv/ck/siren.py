r"""SIREN: a network with sine activations.

b(c) = s_L ∘ … ∘ s_1 (c),  s_i(x) = sin(ω₀(W_i x + b_i)); first layer U(±1/D), the rest
U(±√(6/K)/ω₀).

Sitzmann et al., "Implicit Neural Representations with Periodic Activation Functions", NeurIPS 2020.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from partial_equiv.ck.base import ContinuousKernel
from partial_equiv.ck.linear import UniformLinear
from partial_equiv.intervals import Count, Positive

__all__ = ["Siren"]


class Siren(ContinuousKernel):
    """A sine network as kernel.

    Args:
        hidden_channels: K, width of every layer and size of the basis.
        omega0: ω₀, the frequency scale. A 7x7 stencil resolves about 9 radians per radius.
        num_layers: sine layers before the read-out.
        learn_omega0: make ω₀ a parameter (with the learning rate of its role).

    >>> Siren(4, 8, 3)(torch.zeros(5, 4)).shape
    torch.Size([5, 8, 3])
    """

    rates: ClassVar = {"omega0": 1e-3}  # what it learns at, as a parameter
    omega0: Tensor

    def __init__(
        self,
        in_coordinates: int,
        out_channels: int,
        in_channels: int,
        *,
        hidden_channels: Count = 32,
        omega0: Positive = 10.0,
        num_layers: Count = 2,
        learn_omega0: bool = False,
    ) -> None:
        super().__init__(in_coordinates, out_channels, in_channels, hidden_channels)
        first = UniformLinear(in_coordinates, hidden_channels, 1 / max(in_coordinates, 1))
        bound = (6 / hidden_channels) ** 0.5 / omega0
        rest = (
            UniformLinear(hidden_channels, hidden_channels, bound) for _ in range(num_layers - 1)
        )
        self.layers = nn.ModuleList([first, *rest])
        frequency = torch.tensor(float(omega0))
        if learn_omega0:
            self.omega0 = nn.Parameter(frequency)
        else:
            self.register_buffer("omega0", frequency, persistent=False)

    def basis(self, coordinates: Tensor) -> Tensor:
        for layer in self.layers:
            coordinates = (self.omega0 * layer(coordinates)).sin()
        return coordinates
