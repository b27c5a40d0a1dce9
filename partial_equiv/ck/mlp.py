"""A multilayer perceptron as kernel: the smooth, low-frequency member of the family."""

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from partial_equiv.ck.base import ContinuousKernel
from partial_equiv.ck.linear import UniformLinear
from partial_equiv.intervals import Count

__all__ = ["MLP"]

ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU, "swish": nn.SiLU, "tanh": nn.Tanh}


class MLP(ContinuousKernel):
    """Linear layers with a pointwise activation, He-initialised.

    Args:
        hidden_channels: K, width of every layer and size of the basis.
        num_layers: hidden layers before the read-out.
        activation: the nonlinearity.

    >>> import torch
    >>> MLP(4, 8, 3)(torch.zeros(5, 4)).shape
    torch.Size([5, 8, 3])
    """

    def __init__(
        self,
        in_coordinates: int,
        out_channels: int,
        in_channels: int,
        *,
        hidden_channels: Count = 32,
        num_layers: Count = 2,
        activation: Literal["gelu", "relu", "swish", "tanh"] = "swish",
    ) -> None:
        super().__init__(in_coordinates, out_channels, in_channels, hidden_channels)
        widths = [in_coordinates] + [hidden_channels] * num_layers
        self.layers = nn.ModuleList(
            UniformLinear(fan_in, fan_out, (6 / max(fan_in, 1)) ** 0.5, bias_bound=1.0)
            for fan_in, fan_out in pairwise(widths)
        )
        self.activation = ACTIVATIONS[activation]()

    def basis(self, coordinates: Tensor) -> Tensor:
        for layer in self.layers:
            coordinates = self.activation(layer(coordinates))
        return coordinates
