r"""A plain group-convolutional network: lift, group convolutions, pool, read out.

lift → [group conv → norm → ReLU (→ pool) (→ dropout)] × L → mean over group and space → linear.

As in Romero & Lohit (NeurIPS 2022); their configuration is `hidden_channels=128, widths=[1, 2×7],
pools=[2, 5], dropout_after=[2, 5, 8]`.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Literal

from torch import nn

from models.readout import readout
from partial_equiv.gconv import (
    Activation,
    Dropout,
    GroupConv,
    LiftingConv,
    Norm,
    SpatialPool,
)
from partial_equiv.intervals import Count, Fraction, Natural, Positive

__all__ = ["GCNN"]


class GCNN(nn.Sequential):
    """Maps images [B, in_channels, H, W] to class scores [B, num_classes].

    Args:
        in_channels: of the images.
        num_classes: scores to give.
        lifting: makes the lifting convolution from (in_channels, out_channels).
        conv: makes a group convolution from (in_channels, out_channels).
        hidden_channels: of the lifting layer; `widths` multiply it.
        widths: one group convolution each, of hidden_channels·width channels (rounded).
        pools: after which layers to pool over space; 0 is the lifting layer, 1 the first after it.
        pool: how (see `SpatialPool`).
        dropout_after: after which layers to drop channels, counted likewise.
        dropout: probability to drop a channel there.
        norm: over what to normalise (see `Norm`).
        group_pool, spatial_pool: how the read-out integrates over the group and over space.

    Parameters at the published configuration on one channel and ten classes, SIREN-8: T2 3,992,042,
    as published for a true T2; SE(2) 3,992,170 and E(2) 3,992,234. The published 3,992,106 and
    3,992,170 are 64 = 8 layers × 8 hidden fewer, because their kernels read the angle as one number
    with a seam and ours as (cos, sin). Partial adds one range a layer, 9 in SE(2) and 9 with 9
    keep-logits in E(2), where the published net adds 8 and 16: ours also learns the lifting
    layer's.

    Raises:
        ValueError: if `pools` or `dropout_after` name a layer that there is not.
    """

    def __init__(
        self,
        in_channels: Count,
        num_classes: Count,
        lifting: Callable[..., LiftingConv],
        conv: Callable[..., GroupConv],
        *,
        hidden_channels: Count = 16,
        widths: Sequence[Positive] = (1, 2, 2),
        pools: Sequence[Natural] = (1,),
        pool: Literal["max", "mean", "blur"] = "max",
        dropout_after: Sequence[Natural] = (),
        dropout: Fraction = 0.0,
        norm: Literal["batch", "instance", "layer"] = "batch",
        group_pool: Literal["mean", "max"] = "mean",
        spatial_pool: Literal["mean", "max"] = "mean",
    ) -> None:
        for name, places in (("pools", pools), ("dropout_after", dropout_after)):
            if any(place > len(widths) for place in places):
                raise ValueError(f"{name}={list(places)}: the last layer is number {len(widths)}")
        channels = [hidden_channels, *(round(hidden_channels * width) for width in widths)]
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for i, out_channels in enumerate(channels):
            if i == 0:
                layers["lifting"] = lifting(in_channels, out_channels)
            else:
                layers[f"conv{i}"] = conv(channels[i - 1], out_channels)
            layers[f"norm{i}"] = Norm(out_channels, norm)
            layers[f"activation{i}"] = Activation()
            if i in pools:
                layers[f"pool{i}"] = SpatialPool(pool)
            if i in dropout_after:
                layers[f"dropout{i}"] = Dropout(dropout)
        layers.update(readout(channels[-1], num_classes, group_pool, spatial_pool))
        super().__init__(layers)
