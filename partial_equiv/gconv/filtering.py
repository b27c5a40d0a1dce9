r"""Filter first, then mix: another order of the sum of a convolution with a continuous kernel.

A continuous kernel is ψ(c) = Σ_k W_k b_k(c), the read-out's constant w₀ being one more k. Hence

    Σ_c' Σ_h' Σ_p f(x + p, h')[c'] ψ(h⁻¹p, h⁻¹h')[c, c']
        = Σ_c' Σ_k W_k[c, c'] Σ_h' Σ_p f(x + p, h')[c'] b_k(h⁻¹p, h⁻¹h') :

every channel is filtered alone, by the same (K + 1)·G_out filters, which are the basis; then the
read-out mixes what they found, at each pixel alone. No weight is ever written. For each input
channel, and element and pixel of the output, that takes (K + 1)·(G_in·k² + C_out) products in place
of C_out·G_in·k². The function is the same to float error.
"""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from partial_equiv.ck import ContinuousKernel, Reading
from partial_equiv.gconv.evaluation import Order, arrange, convolve
from partial_equiv.gconv.windows import Windows

__all__ = ["FilterFirst", "filtering_pays"]

MOVED = 128  # products that take as long as to write what a filter found, and to read it again
WORTH = 0.7  # of the products of one convolution: what is counted is not all


def filtering_pays(kernel: ContinuousKernel, reading: Reading, x: Tensor, kernel_size: int) -> bool:
    """Whether a layer is computed faster in this order.

    Not for kernels that images have of their own; nor in bfloat16, which would round what the
    read-out lets cancel; nor on a GPU, where it was never measured.

    Args:
        kernel: of the layer.
        reading: where it reads it.
        x: the maps that come in.
        kernel_size: k, width of its window.
    """
    if len(reading.coordinates) > 1:
        return False
    rounded = x.dtype.itemsize < 4 or torch.is_autocast_enabled(x.device.type)
    if rounded or x.device.type != "cpu":
        return False
    products = x.shape[2] * kernel_size**2  # of a filter, G_in·k²
    order = (kernel.readout.in_features + 1) * (products + kernel.out_channels + MOVED)
    return order < WORTH * kernel.out_channels * products


@dataclass(frozen=True)
class FilterFirst(Order):
    """Filter by the basis of a kernel, then mix by its read-out.

    What the filters find is K + 1 times the maps: it is not kept for the backward pass, which finds
    it again.

    Attributes:
        filters: the basis, as the weight of one input channel, [1, G_out, K + 1, 1, G_in, k, k].
        readout: [C_out, C_in, K + 1].
    """

    filters: Tensor
    readout: Tensor

    @classmethod
    def of(cls, kernel: ContinuousKernel, reading: Reading) -> "FilterFirst":
        """The order for this kernel, read there."""
        readout = kernel.whole_readout.unflatten(0, (kernel.out_channels, -1))
        return cls(reading.filters(kernel), readout)

    def arranged(self, x: Tensor, kept_in: torch.dtype | None = None) -> "FilterFirst":
        return replace(self, filters=arrange(self.filters, x, kept_in))

    def respond(
        self,
        x: Tensor,
        bias: Tensor | None,
        windows: Windows,
        padding_mode: Literal["zeros", "circular"],
        channels_last: bool = False,
    ) -> Tensor:
        def response(x: Tensor, filters: Tensor, readout: Tensor) -> Tensor:
            found = convolve(x.flatten(0, 1)[:, None], filters, None, windows, padding_mode)
            *_, num_elements, height, width = found.shape  # [B·C_in, K + 1, G_out, H', W']
            maps = found.reshape(len(x), -1, num_elements * height, width)
            y = functional.conv2d(maps, readout.flatten(1)[..., None, None], bias)
            return y.unflatten(2, (num_elements, height))

        given = x, self.filters, self.readout
        if not torch.is_grad_enabled():
            return response(*given)
        return checkpoint(response, *given, use_reentrant=False, preserve_rng_state=False)
