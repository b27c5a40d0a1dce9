"""How a net ends: integrate over the group and over space, read the classes out linearly."""

from typing import Literal

from torch import nn

from partial_equiv.gconv import GroupFeature, GroupPool

__all__ = ["Order", "readout"]

Order = Literal["group", "space"]
SPATIAL_POOLS = {"mean": nn.AdaptiveAvgPool2d, "max": nn.AdaptiveMaxPool2d}


class PoolEach(nn.Module):
    """Integrates every element of a feature over space: [B, C, G, H, W] to [B, C, G, 1, 1]."""

    def __init__(self, mode: Literal["mean", "max"]) -> None:
        super().__init__()
        self.mode = mode

    def forward(self, feature: GroupFeature) -> GroupFeature:
        mean = self.mode == "mean"
        return feature.map(
            lambda x: x.mean((-2, -1), keepdim=True) if mean else x.amax((-2, -1), keepdim=True)
        )


def readout(
    channels: int,
    num_outputs: int,
    group_pool: Literal["mean", "max"],
    spatial_pool: Literal["mean", "max"],
    first_pool: Order = "group",
) -> dict[str, nn.Module]:
    """The layers, by name, from a feature of so many channels to scores [B, num_outputs].

    `first_pool` says what to integrate over first, which matters where the two pools differ: the
    maximum over the group of a mean over space scores one orientation of the whole image.
    """
    pools: dict[str, nn.Module]
    if first_pool == "group":
        pools = {
            "group_pool": GroupPool(group_pool),
            "spatial_pool": SPATIAL_POOLS[spatial_pool](1),
        }
    else:
        pools = {"spatial_pool": PoolEach(spatial_pool), "group_pool": GroupPool(group_pool)}
    return {**pools, "flatten": nn.Flatten(), "readout": nn.Linear(channels, num_outputs)}
