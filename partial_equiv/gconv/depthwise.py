"""Depthwise convolution on a processor, with a gradient of the filters that takes its time, too.

The library that computes convolutions on a processor has a fast gradient for filters that are at
most three pixels wide, and takes twenty times as long as for the convolution itself for all
others. A wide filter's gradient is that of its strips, each three pixels wide.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from partial_equiv.gconv.windows import Windows

__all__ = ["depthwise"]

WIDTH = 3  # pixels, of the widest filter whose gradient is fast


def depthwise(maps: Tensor, filters: Tensor, bias: Tensor | None, windows: Windows) -> Tensor:
    """Filter each of the maps [B, N, H, W] with its own of the filters [N, 1, k, k]: as conv2d with
    N groups. Fastest with the channels innermost in memory."""
    kind = maps.device.type
    given = (windows.stride, windows.padding, windows.dilation)
    if kind != "cpu" or filters.shape[-1] <= WIDTH or not torch.is_grad_enabled():
        return functional.conv2d(maps, filters, bias, *given, groups=len(filters))
    if torch.is_autocast_enabled(kind):
        dtype = torch.get_autocast_dtype(kind)
        maps, filters = maps.to(dtype), filters.to(dtype)
        bias = None if bias is None else bias.to(dtype)
    y: Tensor = _Depthwise.apply(maps, filters, bias, *given)
    return y


class _Depthwise(torch.autograd.Function):
    """The convolution; its backward pass is made of differentiable functions again."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        maps: Tensor,
        filters: Tensor,
        bias: Tensor | None,
        stride: int,
        padding: int,
        dilation: int,
    ) -> Tensor:
        ctx.save_for_backward(maps, filters)
        ctx.given = stride, padding, dilation
        return functional.conv2d(maps, filters, bias, stride, padding, dilation, len(filters))

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        gradient: Tensor,
    ) -> tuple[Tensor | None, ...]:
        maps, filters = ctx.saved_tensors
        stride, padding, dilation = ctx.given
        of_maps = of_filters = of_bias = None
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        if ctx.needs_input_grad[0]:
            of_maps = _gradients(gradient, maps, filters, stride, (padding, padding), dilation)[0]
        if ctx.needs_input_grad[1]:
            reach = stride * (gradient.shape[-1] - 1) + 1  # pixels, of one column of a filter
            # of a map so low that no window lies inside, the fast gradient takes no padding
            low = maps.shape[-2] <= 2 * padding
            strips, rows = [], (padding, padding) if low else (0, 0)
            for start in range(0, filters.shape[-1], WIDTH):
                strip = filters[..., start : start + WIDTH]
                before = dilation * start - padding  # pixels of a row that the strip does not read
                after = maps.shape[-1] - before - reach - dilation * (strip.shape[-1] - 1)
                read = functional.pad(maps, (-before, -after, *rows))
                outside = (padding - rows[0], 0)
                found = _gradients(gradient, read, strip, stride, outside, dilation, False)
                strips.append(found[1])
            of_filters = torch.cat(strips, dim=-1)
        if ctx.needs_input_grad[2]:
            of_bias = gradient.sum((0, 2, 3))
        return of_maps, of_filters, of_bias, None, None, None


def _gradients(
    gradient: Tensor,
    maps: Tensor,
    filters: Tensor,
    stride: int,
    padding: tuple[int, int],
    dilation: int,
    of_maps: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """Of the maps, or else of the filters; the others are empty."""
    given = ([stride] * 2, [*padding], [dilation] * 2, False, [0, 0], len(filters))
    wanted = (of_maps, not of_maps, False)
    found: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
        gradient, maps, filters, None, *given, wanted
    )
    return found
