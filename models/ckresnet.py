r"""A residual group-convolutional network: lift, residual blocks, one valid convolution, read out.

lift → norm (→ pool) → ReLU → block × L → group conv (valid) → norm → ReLU
→ max over group and space → linear, with the block

    y = [group conv → instance norm → ReLU] × 2 (x),    block(x) = ReLU(pool(norm(y + shortcut(x))))

and a pointwise group convolution as shortcut, which carries x to the group elements of y. As in
Romero & Lohit (NeurIPS 2022); their configuration is the default one here, with 7x7 kernels from
SIRENs of 32 hidden channels, ω0 10.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Literal

from torch import nn

from models.layers import check_places, layer_channels
from models.readout import readout
from partial_equiv.ck import Kernel
from partial_equiv.gconv import (
    Activation,
    Convolution,
    Dropout,
    GroupConv,
    GroupFeature,
    LiftingConv,
    Norm,
    PointwiseConv,
    SpatialPool,
)
from partial_equiv.intervals import Count, Natural, Positive, Share
from partial_equiv.refusal import Refusal

__all__ = ["CKResNet", "ResidualBlock"]

Pool = Literal["max", "mean", "blur"]
Over = Literal["batch", "instance", "layer"]


class ResidualBlock(nn.Module):
    """Two group convolutions beside a shortcut: a feature of in_channels to one of out_channels.

    Args:
        in_channels, out_channels: of the block.
        conv: makes a group convolution from (in_channels, out_channels).
        shortcut: makes the shortcut likewise; None for the identity.
        norm: over what to normalise the sum (see `Norm`).
        pool: how to pool over space, None for not at all.
        dropout: probability to drop a channel between the convolutions.

    Raises:
        Refusal: if the convolutions change the size of the map, which the shortcut keeps.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        conv: Callable[..., GroupConv],
        shortcut: Callable[..., PointwiseConv] | None,
        *,
        norm: Over = "batch",
        pool: Pool | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, out_channels)
        self.conv2 = conv(out_channels, out_channels)
        window = self.conv1.windows(0)
        if window.stride > 1 or window.extent != 2 * window.padding + 1:
            raise Refusal(
                f"with kernel_size={window.kernel_size} and stride={window.stride} the size "
                "changes, and a residual block adds its input to its output; use padding=same, an "
                "odd kernel_size and stride=1",
                padding=window.padding,
            )
        self.branch_norm = Norm(out_channels, "instance", affine=False)
        self.dropout = Dropout(dropout)
        self.shortcut = None if shortcut is None else shortcut(in_channels, out_channels)
        self.norm = Norm(out_channels, norm)
        self.pool = nn.Identity() if pool is None else SpatialPool(pool)
        self.activation = Activation()

    def forward(self, feature: GroupFeature) -> GroupFeature:
        branch = self.activation(self.branch_norm(self.conv1(feature)))
        branch = self.activation(self.branch_norm(self.conv2(self.dropout(branch))))
        short = feature if self.shortcut is None else self.shortcut(feature, like=branch)
        return self.activation(self.pool(self.norm(branch.map(lambda x: x + short.x))))


def same_everywhere(layer: Convolution) -> bool:
    """Whether all layers that are made like this one compute the same elements."""
    fixed = layer.sampling.sampling == "deterministic" or layer.sampling.scope == "network"
    return fixed and not layer.relaxation.chooses


class CKResNet(nn.Sequential):
    """Maps images [B, in_channels, H, W] to class scores [B, num_outputs].

    Args:
        in_channels: of the images.
        num_outputs: scores to give.
        lifting: makes the lifting convolution from (in_channels, out_channels).
        conv: makes a group convolution from (in_channels, out_channels).
        pointwise: makes a pointwise group convolution likewise, for the shortcuts.
        kernel: makes a kernel network, as `conv` does.
        hidden_channels: of the lifting layer; `widths` multiply it.
        widths: one block each, of hidden_channels·width channels (rounded).
        pools: after what to pool over space; 0 is the lifting layer, 1 the first block. Published:
            [0, 1] for rotMNIST, [1, 2] for CIFAR and MNIST6.
        pool: how (see `SpatialPool`).
        last_kernel_size: of the last convolution, which has no padding; None: as the others.
        shortcut: "pointwise", or "identity" for blocks that keep their width, which is only
            possible where all layers compute the same elements: in full nets without a random
            shift, or with one that the network shares.
        shortcut_kernel_channels: width of the shortcuts' kernel networks (published: half of that
            of the others); None: as the others.
        norm: over what to normalise, outside of the blocks' branches (see `Norm`).
        dropout: probability to drop a channel in the middle of a block.
        group_pool, spatial_pool: how the read-out integrates over the group and over space.

    Parameters on one channel and ten classes: SE(2) 467,978 and E(2) 468,170, where 467,786 and
    467,978 are published. The 192 more are 5 group convolutions × 32 and 2 shortcuts × 16 hidden
    units, whose kernels read the angle as one number with a seam there and as (cos, sin) here.
    Partial adds one range a layer, 6 in SE(2) and 6 with 6 keep-logits in E(2); the published 5 and
    10 leave out the lifting layer. T2 has 467,594, or 449,898 with shortcut="identity", where the
    published "T2" of 450,074 is SE(2) with one sample: that shortcut, and an angle that is always 0
    for the same 160 + 16 hidden units. MNIST6-180's partial net (two classes, `hidden_channels=10`,
    `widths=[1, 1]`, MAGNet of 4 filters) has 51,150 where 48,845 is published: 4 filters × 3 × 32
    more in each of 5 group convolutions, 4 × 3 × 16 in each of 2 shortcuts, the lifting's range.

    Raises:
        Refusal: if `pools` name a block that there is not, or for shortcut="identity" where
            layers differ in their elements.
    """

    def __init__(
        self,
        in_channels: Count,
        num_outputs: Count,
        lifting: Callable[..., LiftingConv],
        conv: Callable[..., GroupConv],
        pointwise: Callable[..., PointwiseConv],
        kernel: Callable[..., Kernel],
        *,
        hidden_channels: Count = 8,
        widths: Sequence[Positive] = (1, 2),
        pools: Sequence[Natural] = (0, 1),
        pool: Pool = "max",
        last_kernel_size: Count | None = 3,
        shortcut: Literal["pointwise", "identity"] = "pointwise",
        shortcut_kernel_channels: Count | None = 16,
        norm: Over = "batch",
        dropout: Share = 0.0,
        group_pool: Literal["mean", "max"] = "max",
        spatial_pool: Literal["mean", "max"] = "max",
    ) -> None:
        check_places("pools", pools, len(widths))
        channels = [hidden_channels, *layer_channels(hidden_channels, widths)]
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["lifting"] = first = lifting(in_channels, hidden_channels)
        if shortcut == "identity" and not same_everywhere(first):
            raise Refusal(
                "the layers compute different elements, use shortcut=pointwise", shortcut="identity"
            )
        layers["norm"] = Norm(hidden_channels, norm)
        if 0 in pools:
            layers["pool"] = SpatialPool(pool)
        layers["activation"] = Activation()
        if shortcut_kernel_channels is not None:
            kernel = partial(kernel, hidden_channels=shortcut_kernel_channels)
        for i, (before, after) in enumerate(pairwise(channels), 1):
            keeps = shortcut == "identity" and before == after
            layers[f"block{i}"] = ResidualBlock(
                before,
                after,
                conv,
                None if keeps else partial(pointwise, kernel=kernel, bias=False),
                norm=norm,
                pool=pool if i in pools else None,
                dropout=dropout,
            )
        settings = {} if last_kernel_size is None else {"kernel_size": last_kernel_size}
        layers["last_conv"] = conv(channels[-1], channels[-1], padding="valid", **settings)
        layers["last_norm"] = Norm(channels[-1], norm)
        layers["last_activation"] = Activation()
        layers.update(readout(channels[-1], num_outputs, group_pool, spatial_pool))
        super().__init__(layers)
