r"""An ordinary convolutional network and its mirror-invariant twin: one net, two groups.

[averaged conv → norm → ReLU] × L → mean over space → linear.

Its layers are `AveragedConv`s: on the trivial group an ordinary CNN, the baseline; on the mirror
group the parity net, whose layers are ½[conv(x) + M conv(M x)] and exactly equivariant to the
mirror on every size, and whose scores are the same for an image and its mirror image, because what
it reads out does not depend on the place. Both have the same parameters. A partial net on the
mirror group learns in each layer whether to be the one or the other.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Literal

from torch import nn

from models.layers import layer_channels
from models.readout import readout
from partial_equiv.gconv import Activation, AveragedConv, Norm
from partial_equiv.intervals import Count, Positive
from partial_equiv.refusal import Refusal

__all__ = ["ParityCNN"]


class ParityCNN(nn.Sequential):
    """Maps images [B, in_channels, H, W] to class scores [B, num_outputs].

    Args:
        in_channels: of the images.
        num_outputs: scores to give.
        averaged: makes an averaged convolution from (in_channels, out_channels).
        hidden_channels: of a layer of width 1.
        widths: one layer each, of hidden_channels·width channels (rounded).
        strides: of the layers.
        norm: over what to normalise (see `Norm`).
        spatial_pool: how the read-out integrates over space.

    Raises:
        Refusal: if `widths` and `strides` differ in length.
    """

    def __init__(
        self,
        in_channels: Count,
        num_outputs: Count,
        averaged: Callable[..., AveragedConv],
        *,
        hidden_channels: Count = 16,
        widths: Sequence[Positive] = (1, 2, 2),
        strides: Sequence[Count] = (1, 2, 2),
        norm: Literal["batch", "instance", "layer"] = "batch",
        spatial_pool: Literal["mean", "max"] = "mean",
    ) -> None:
        if len(strides) != len(widths):
            raise Refusal(f"widths has {len(widths)} layers", strides=list(strides))
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels = in_channels
        scaled = layer_channels(hidden_channels, widths)
        for i, (width, stride) in enumerate(zip(scaled, strides, strict=True), 1):
            before, channels = channels, width
            layers[f"conv{i}"] = averaged(before, channels, stride=stride)
            layers[f"norm{i}"] = Norm(channels, norm)
            layers[f"activation{i}"] = Activation()
        layers.update(readout(channels, num_outputs, "mean", spatial_pool))
        super().__init__(layers)
