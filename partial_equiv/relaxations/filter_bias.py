r"""Filter biases: a constant for each outgoing element, added to each tap of the filters there.

    W[h, h', p] = ψ(h⁻¹p, h⁻¹h') + b(h, p)

with b = 0 at the start, where the layer is exactly equivariant. The biases of an element are the
same for all that comes in, so that there are few of them and the filters stay close to those of the
group; with `full` each incoming channel and element has its own, and W is a free weight.

Wu et al., "Relaxed Rotational Equivariance via G-Biases in Vision", AAAI 2025 (arXiv 2408.12454),
for C_n on pixels. That all incoming channels and elements share the biases, that it is written for
other groups, and that an element of a sampled group has the biases of the grid's nearest one
(`Cells`) is our reading; so is `full`.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from partial_equiv.ck import Reading
from partial_equiv.relaxations.cells import Cells
from partial_equiv.relaxations.relaxation import Layer, Relaxation

__all__ = ["FilterBias"]


class FilterBias(Relaxation):
    """The filter biases of one layer.

    Args:
        layer: that it is for.
        full: whether each incoming channel and element has biases of its own.

    Attributes:
        filter_bias: b [n, T, C_out, 1, 1]; [n, T, C_out, C_in, n] if `full` ([…, 1] where the
            kernel does not look at the incoming element).

    Raises:
        Refusal: if the layer computes one element only, as on the trivial group.
    """

    at_pixels = True
    rates: ClassVar = {"filter_bias": 1e-2}

    def __init__(self, layer: Layer, *, full: bool = False) -> None:
        super().__init__()
        self.cells = Cells(layer)
        assert layer.coordinates is not None, "the layer has a kernel"
        _, _, num_inputs, num_taps, _ = layer.coordinates.shape
        incoming = (layer.in_channels, num_inputs) if full else (1, 1)
        shape = (len(self.cells), num_taps, layer.out_channels, *incoming)
        self.filter_bias = nn.Parameter(torch.zeros(shape))

    def relax(self, weight: Tensor, reading: Reading) -> Tensor:
        bias = self.filter_bias[self.cells(reading.elements)]  # [S, G_out, T, C_out, C_in, G_in]
        if bias.shape[-1] > 1:
            bias = self._at_inputs(bias, reading)
        if reading.shares is not None:
            bias = bias * reading.shares[:, None, None, None, None]
        windows = reading.spread(bias.flatten(3)).unflatten(3, bias.shape[3:])
        return weight + windows.movedim(2, -1).unflatten(-1, weight.shape[-2:])

    def _at_inputs(self, bias: Tensor, reading: Reading) -> Tensor:
        """The biases [S, G_out, T, C_out, C_in, G_in] of the elements that come in, from all."""
        cells = self.cells(reading.inputs)
        if len(cells) == 1:
            return bias[..., cells[0]]
        bias = bias.expand(len(cells), *bias.shape[1:])
        return torch.stack([each[..., own] for each, own in zip(bias, cells, strict=True)])

    def numbers(self) -> dict[str, float]:
        """The root of the biases' mean square."""
        return {"filter_bias": self.filter_bias.detach().square().mean().sqrt().item()}
