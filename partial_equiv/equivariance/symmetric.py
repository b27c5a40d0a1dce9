"""What a convolution would be if it was the same in all directions: its loss is the pixels'."""

from dataclasses import replace
from math import pi

import torch
from torch import Tensor, nn
from torch.nn import functional

from partial_equiv.equivariance.actions import act_on_images
from partial_equiv.equivariance.recording import Call, Function
from partial_equiv.groups import SO2

__all__ = ["symmetric"]

ANGLES = 16


def symmetric(call: Call) -> Call:
    """The call of an `nn.Conv2d` with the mean of its own kernel over all angles."""
    layer = call.layer
    assert isinstance(layer, nn.Conv2d)
    rim = max(layer.kernel_size) // 4 + 1  # the corners of the window need room to turn
    weight = functional.pad(layer.weight, (rim,) * 4)
    angles = torch.arange(ANGLES, dtype=weight.dtype, device=weight.device)[:, None]
    turned = [act_on_images(SO2().matrix(angle * 2 * pi / ANGLES), weight) for angle in angles]
    mean = torch.stack(turned).mean(0)
    bias, stride, dilation, groups = layer.bias, layer.stride, layer.dilation, layer.groups
    padding = layer.padding
    if padding != "same":
        before = (0, 0) if isinstance(padding, str) else padding
        padding = tuple(p + rim * d for p, d in zip(before, dilation, strict=True))

    def convolve(x: Tensor) -> Tensor:
        if isinstance(padding, str):
            return functional.conv2d(x, mean, bias, stride, padding, dilation, groups)
        return functional.conv2d(x, mean, bias, stride, padding, dilation, groups)

    twin = replace(call, layer=Function(convolve))
    return replace(twin, output=twin.again(lambda value, _: value))
