r"""A plain group-convolutional network: lift, group convolutions, pool, read out.

lift → [group conv → norm → ReLU (→ pool) (→ dropout)] × L → mean over group and space → linear.

As in Romero & Lohit (NeurIPS 2022); their configuration is `hidden_channels=128, widths=[1, 2×7],
pools=[2, 5], dropout_after=[2, 5, 8]`. With a grid kernel and `net=p4cnn` it is the P4CNN of Cohen
& Welling (ICML 2016), on the trivial group the Z2CNN.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Literal

from torch import nn

from models.layers import check_places, layer_channels
from models.readout import Order, readout
from partial_equiv.gconv import (
    Activation,
    Dropout,
    GroupConv,
    LiftingConv,
    Norm,
    SpatialPool,
)
from partial_equiv.intervals import Count, Natural, Positive, Share
from partial_equiv.refusal import Refusal

__all__ = ["GCNN"]


class GCNN(nn.Sequential):
    """Maps images [B, in_channels, H, W] to class scores [B, num_outputs].

    Args:
        in_channels: of the images.
        num_outputs: scores to give.
        lifting: makes the lifting convolution from (in_channels, out_channels).
        conv: makes a group convolution from (in_channels, out_channels).
        hidden_channels: of the lifting layer; `widths` multiply it.
        widths: one group convolution each, of hidden_channels·width channels (rounded).
        pools: after which layers to pool over space; 0 is the lifting layer, 1 the first after it.
        pool: how (see `SpatialPool`).
        dropout_after: after which layers to drop channels or values, counted likewise.
        dropout: probability to drop each one there.
        dropout_each: what (see `Dropout`).
        norm: over what to normalise (see `Norm`).
        kernel_size: of the convolutions; None: as `lifting` and `conv` have it.
        last_kernel_size: of the last convolution, which then has no padding; None: as the others.
        group_pool, spatial_pool, first_pool: how the read-out integrates over the group and over
            space, and over which of them first.

    Parameters at the published configuration on one channel and ten classes, SIREN-8: T2 3,992,042,
    as published for a true T2; SE(2) 3,992,170 and E(2) 3,992,234. The published 3,992,106 and
    3,992,170 are 64 = 8 layers × 8 hidden fewer, because their kernels read the angle as one number
    with a seam and ours as (cos, sin). Partial adds one range a layer, 9 in SE(2) and 9 with 9
    keep-logits in E(2), where the published net adds 8 and 16: ours also learns the lifting
    layer's.

    P4CNN (10 channels, C4) has 24,990 on three channels and 24,810 on one, Z2CNN (20 channels, T2)
    25,570 and 25,210, as published.

    Raises:
        Refusal: if `pools` or `dropout_after` name a layer that there is not, or if there is no
            last group convolution to have a `last_kernel_size`.
    """

    def __init__(
        self,
        in_channels: Count,
        num_outputs: Count,
        lifting: Callable[..., LiftingConv],
        conv: Callable[..., GroupConv],
        *,
        hidden_channels: Count = 8,
        widths: Sequence[Positive] = (1, 2, 2),
        pools: Sequence[Natural] = (0, 1),
        pool: Literal["max", "mean", "blur"] = "max",
        dropout_after: Sequence[Natural] = (),
        dropout: Share = 0.0,
        dropout_each: Literal["channel", "value"] = "channel",
        norm: Literal["batch", "instance", "layer"] = "batch",
        kernel_size: Count | None = None,
        last_kernel_size: Count | None = None,
        group_pool: Literal["mean", "max"] = "mean",
        spatial_pool: Literal["mean", "max"] = "mean",
        first_pool: Order = "group",
    ) -> None:
        if last_kernel_size is not None and not widths:
            raise Refusal("widths=[] has no last one", last_kernel_size=last_kernel_size)
        for name, places in (("pools", pools), ("dropout_after", dropout_after)):
            check_places(name, places, len(widths))
        channels = [hidden_channels, *layer_channels(hidden_channels, widths)]
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        sizes: dict[str, object] = {} if kernel_size is None else {"kernel_size": kernel_size}
        for i, out_channels in enumerate(channels):
            if i == len(widths) and last_kernel_size is not None:
                sizes = {"kernel_size": last_kernel_size, "padding": "valid"}
            if i == 0:
                layers["lifting"] = lifting(in_channels, out_channels, **sizes)
            else:
                layers[f"conv{i}"] = conv(channels[i - 1], out_channels, **sizes)
            layers[f"norm{i}"] = Norm(out_channels, norm)
            layers[f"activation{i}"] = Activation()
            if i in pools:
                layers[f"pool{i}"] = SpatialPool(pool)
            if i in dropout_after:
                layers[f"dropout{i}"] = Dropout(dropout, dropout_each)
        ending = readout(channels[-1], num_outputs, group_pool, spatial_pool, first_pool)
        layers.update(ending)
        super().__init__(layers)
