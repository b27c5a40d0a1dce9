"""How a layer's sum is computed: by one conv2d with a ready-made kernel, or by some in turn.

A kernel [S, G_out, C_out, C_in, G_in, k, k] is an ordinary convolution from C_in·G_in to
C_out·G_out channels; with a kernel for each element of the batch it is a grouped one. The order
that takes less for wide layers is `filtering`'s, that of averaged layers is `averaged`'s.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from partial_equiv.ck import Kernel
from partial_equiv.gconv.depthwise import depthwise
from partial_equiv.gconv.windows import Windows
from partial_equiv.refusal import Refusal

__all__ = ["InTurn", "Order", "arrange", "convolve", "half_precision"]


def arrange(weight: Tensor, x: Tensor, kept_in: torch.dtype | None = None) -> Tensor:
    """A kernel [S, G_out, C_out, ...] in the order in memory that suits the maps x [B, C, G, H, W].

    It is generated with G_out outside, and read as a convolution whose output channels lie in the
    order of the memory. To move the outputs (C_out outside, as everywhere) or the kernel is the
    same to float error: the smaller one moves. A kernel that is kept for several convolutions, all
    in half precision, is rounded to it and gets its incoming channels innermost once; each of them
    would do so otherwise.
    """
    outputs = len(x) * weight.shape[1] * weight.shape[2] * x.shape[-2] * x.shape[-1]
    by_channel = lies_by_channel(weight) or weight.numel() < outputs
    weight = weight.transpose(1, 2) if by_channel else weight
    if kept_in is not None and weight.dtype != torch.float64:  # which autocast leaves alone
        to_pixels = (0, 1, 2, 5, 6, 3, 4)
        weight = weight.permute(to_pixels).to(kept_in).contiguous().permute(to_pixels)
    elif by_channel:
        weight = weight.contiguous()
    return weight.transpose(1, 2) if by_channel else weight


def lies_by_channel(weight: Tensor) -> bool:
    """Whether a kernel [S, G_out, C_out, ...] has C_out outside in memory, as an output has."""
    return weight.shape[1] == 1 or weight.stride(1) <= weight.stride(2)


def half_precision(x: Tensor) -> torch.dtype | None:
    """What autocast convolves maps on this device in; None if it does not."""
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    windows: Windows,
    padding_mode: Literal["zeros", "circular"],
    channels_last: bool = False,
) -> Tensor:
    """Convolve x [B, C_in, G_in, H, W] with weight [S, G_out, C_out, C_in, G_in, k, k].

    Returns [B, C_out, G_out, H', W']; S is 1 or B. A kernel with C_in = G_in = 1 filters each
    channel of x at each element alone (C_out, G_out are those of x, and C_out lies outside in its
    memory).

    Raises:
        Refusal: if the kernel is larger than the padded map.
    """
    (height, width), padding = x.shape[-2:], windows.padding
    if windows.extent > min(height, width) + 2 * padding:
        raise Refusal(
            f"only {height} x {width} pixels reach this convolution, use a smaller "
            "kernel or fewer pools",
            kernel_size=windows.kernel_size,
        )
    if padding_mode == "circular":
        for dim in (-1, -2) if padding else ():  # nothing is written in place, see baking
            size = x.shape[dim]
            x = torch.cat(
                [x.narrow(dim, size - padding, padding), x, x.narrow(dim, 0, padding)], dim
            )
        padding = 0
    num_kernels, *channels = weight.shape[:3]  # [G_out, C_out]
    by_channel = lies_by_channel(weight)
    if by_channel:
        weight, channels = weight.transpose(1, 2), channels[::-1]
    maps = x.reshape(len(x) // num_kernels, -1, *x.shape[-2:])  # [B/S, S·C_in·G_in, H, W]
    filters = weight.flatten(3, 4).flatten(0, 2)  # [S·C_out·G_out, C_in·G_in, k, k]
    groups = maps.shape[1] // filters.shape[1]
    if channels_last or (num_kernels == 1 and (groups > 1 or windows.kernel_size == 1)):
        # one-pixel and depthwise kernels: three times faster so, ten times on large maps
        maps = maps.contiguous(memory_format=torch.channels_last)
    if bias is not None:
        bias = (bias[:, None] if by_channel else bias).expand(num_kernels, *channels).flatten()
    if groups == len(filters) > num_kernels:
        y = depthwise(maps, filters, bias, replace(windows, padding=padding))
    else:
        given = (windows.stride, padding, windows.dilation, groups)
        y = functional.conv2d(maps, filters, bias, *given)
    y = y.reshape(len(x), *channels, *y.shape[-2:])
    return y if by_channel else y.transpose(1, 2)


class Order(ABC):
    """An order in which the sum of a convolution is taken, with the kernel made for it."""

    @abstractmethod
    def arranged(self, x: Tensor, kept_in: torch.dtype | None = None) -> "Order":
        """The same, in the memory as it suits the maps x, see `arrange`."""

    @abstractmethod
    def respond(
        self,
        x: Tensor,
        bias: Tensor | None,
        windows: Windows,
        padding_mode: Literal["zeros", "circular"],
        channels_last: bool = False,
    ) -> Tensor:
        """The response [B, C_out, G_out, H', W'] to maps x [B, C_in, G_in, H, W].

        Raises:
            Refusal: as `convolve` does.
        """


@dataclass(frozen=True)
class InTurn(Order):
    """`convolve` with one factor of the weight after the other, then add up the products that the
    kernel consists of. A kernel that is no product has one factor: the weight.

    Attributes:
        factors: see `Convolution.factors`.
        kernel: that they are of.
    """

    factors: tuple[Tensor, ...]
    kernel: Kernel

    def arranged(self, x: Tensor, kept_in: torch.dtype | None = None) -> "InTurn":
        return replace(self, factors=tuple(arrange(each, x, kept_in) for each in self.factors))

    def respond(
        self,
        x: Tensor,
        bias: Tensor | None,
        windows: Windows,
        padding_mode: Literal["zeros", "circular"],
        channels_last: bool = False,
    ) -> Tensor:
        *mixing, weight = self.factors
        for factor in mixing:
            x = convolve(x, factor, None, Windows(1), "zeros", channels_last)
        if bias is not None:  # to the first one of the products
            bias = functional.pad(bias, (0, weight.shape[2] - len(bias)))
        y = convolve(x, weight, bias, windows, padding_mode, channels_last)
        return self.kernel.added(y, 1)
