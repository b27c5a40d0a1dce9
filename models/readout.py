"""How a net ends: integrate over the group and over space, read the classes out linearly."""

from typing import Literal

from torch import nn

from partial_equiv.gconv import GroupPool

__all__ = ["readout"]

SPATIAL_POOLS = {"mean": nn.AdaptiveAvgPool2d, "max": nn.AdaptiveMaxPool2d}


def readout(
    channels: int,
    num_classes: int,
    group_pool: Literal["mean", "max"],
    spatial_pool: Literal["mean", "max"],
) -> dict[str, nn.Module]:
    """The layers, by name, from a feature of so many channels to scores [B, num_classes]."""
    return {
        "group_pool": GroupPool(group_pool),
        "spatial_pool": SPATIAL_POOLS[spatial_pool](1),
        "flatten": nn.Flatten(),
        "readout": nn.Linear(channels, num_classes),
    }
