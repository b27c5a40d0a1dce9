"""Which layers of a model break exact equivariance by the stride rule (see `gconv.windows`)."""

from typing import TypeAlias

import torch
from torch import Tensor, nn

from partial_equiv.equivariance.recording import evaluating
from partial_equiv.gconv import AveragedConv, Convolution, GroupFeature, SpatialPool
from partial_equiv.gconv.windows import Windows

__all__ = ["broken_rules", "inexact_layers"]

Setting: TypeAlias = int | tuple[int, ...]
TORCH = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.LPPool2d)


def windows(layer: nn.Module, size: tuple[int, int]) -> tuple[Windows, Windows] | None:
    """Where the windows of a layer lie along the rows and the columns of a map of H x W pixels.

    None for a layer that has no windows, or is not known: ours and torch's are. An average over
    moved maps has windows from every side.
    """
    if isinstance(layer, AveragedConv):
        return None
    if isinstance(layer, (Convolution, SpatialPool)):
        return layer.windows(size[0]), layer.windows(size[1])
    if not isinstance(layer, TORCH):
        return None
    stride = layer.kernel_size if layer.stride is None else layer.stride
    padding = getattr(layer, "padding", 0)
    return both(layer.kernel_size, stride, padding, getattr(layer, "dilation", 1))


def both(
    kernel_size: Setting, stride: Setting, padding: Setting | str, dilation: Setting
) -> tuple[Windows, Windows]:
    """The windows along the rows and the columns of a layer with these settings."""
    pixels: Setting = 0 if isinstance(padding, str) else padding  # a word: stride is 1
    settings = [pair(setting) for setting in (kernel_size, stride, pixels, dilation)]
    rows, columns = zip(*settings, strict=True)
    return Windows(*rows), Windows(*columns)


def pair(setting: Setting) -> tuple[int, ...]:
    """A setting of a layer for the rows and for the columns."""
    if isinstance(setting, int):
        return setting, setting
    return tuple(setting) * (3 - len(setting))  # torch takes (2,) as well


def remainders(layer: nn.Module, given: Tensor) -> tuple[int, int]:
    """The rows and columns of maps [..., H, W] that lie beyond a layer's last window."""
    height, width = given.shape[-2:]
    found = windows(layer, (height, width))
    return (0, 0) if found is None else (found[0].remainder(height), found[1].remainder(width))


def broken_rules(layer: nn.Module, given: Tensor) -> list[str]:
    """The stride rule in numbers, for each axis of maps [..., H, W] along which a layer breaks it.

    >>> broken_rules(nn.MaxPool2d(2), torch.zeros(1, 1, 28, 29))
    ['(29 + 2·0 - 2) mod 2 = 1']
    """
    size = given.shape[-2], given.shape[-1]
    found = windows(layer, size) if given.dim() >= 4 else None
    axes = zip(found, size, strict=True) if found else ()
    return list(dict.fromkeys(axis.rule(i) for axis, i in axes if axis.remainder(i)))


@torch.no_grad()
def inexact_layers(
    model: nn.Module, in_channels: int, size: tuple[int, int]
) -> list[tuple[str, int]]:
    """The layers that break the stride rule on images of a size: (name, pixels there).

    Runs one empty image through the model. A model that does not subsample has none.
    """
    found: list[tuple[str, int]] = []

    def look(name: str, layer: nn.Module, given: Tensor | GroupFeature) -> None:
        maps = given.x if isinstance(given, GroupFeature) else given
        sizes = zip(maps.shape[-2:], remainders(layer, maps), strict=True)
        found.extend([(name, pixels) for pixels, remainder in sizes if remainder][:1])

    hooks = [
        module.register_forward_pre_hook(lambda layer, args, name=name: look(name, layer, args[0]))
        for name, module in model.named_modules()
        if isinstance(module, (Convolution, SpatialPool, *TORCH))
    ]
    like = next(model.parameters(), torch.zeros(()))
    try:
        with evaluating(model):
            model(torch.zeros(1, in_channels, *size, dtype=like.dtype, device=like.device))
    finally:
        for hook in hooks:
            hook.remove()
    return found
