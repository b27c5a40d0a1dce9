r"""A residual network whose symmetry is that of its layers: ordinary on T2, p4 on C4, p4m on D4.

stem → stages of blocks → norm → ReLU → pool over group and space → linear, with the block

    y = [norm → ReLU → conv] × 2 (x),    block(x) = y + shortcut(x),

the identity as shortcut, or a strided 1x1 convolution with norm where the block begins a stage that
is wider or coarser than the one before (He et al., "Identity Mappings in Deep Residual Networks",
ECCV 2016; as in Edixhoven, Lengyel, van Gemert, "Using and Abusing Equivariance", ICCVw 2023).

It is exactly equivariant to quarter turns and mirrors on images of i pixels iff i mod 2^h = 1, with
h halvings: every stage but the first halves, and the stem of ImageNet does so twice.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Literal

from torch import nn

from models.ckresnet import same_everywhere
from models.layers import layer_channels
from models.readout import Order, readout
from partial_equiv.gconv import (
    Activation,
    GroupConv,
    GroupFeature,
    LiftingConv,
    Norm,
    SpatialPool,
)
from partial_equiv.intervals import Count, Positive
from partial_equiv.refusal import Refusal

__all__ = ["PreActivationBlock", "ResNet"]

Over = Literal["batch", "instance", "layer"]


class PreActivationBlock(nn.Module):
    """Two 3x3 group convolutions beside a shortcut: in_channels to out_channels, H to H / stride.

    Args:
        in_channels, out_channels: of the block.
        conv: makes a group convolution from (in_channels, out_channels).
        stride: of the first convolution and of the shortcut.
        norm: over what to normalise (see `Norm`).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        conv: Callable[..., GroupConv],
        stride: int = 1,
        norm: Over = "batch",
    ) -> None:
        super().__init__()
        window = {"kernel_size": 3, "padding": "same", "bias": False}
        self.norm1 = Norm(in_channels, norm)
        self.activation1 = Activation()
        self.conv1 = conv(in_channels, out_channels, stride=stride, **window)
        self.norm2 = Norm(out_channels, norm)
        self.activation2 = Activation()
        self.conv2 = conv(out_channels, out_channels, **window)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or in_channels != out_channels:
            settings = {"kernel_size": 1, "stride": stride, "padding": "valid", "bias": False}
            pointwise = conv(in_channels, out_channels, **settings)
            self.shortcut = nn.Sequential(pointwise, Norm(out_channels, norm))

    def forward(self, feature: GroupFeature) -> GroupFeature:
        branch = self.conv1(self.activation1(self.norm1(feature)))
        branch = self.conv2(self.activation2(self.norm2(branch)))
        short = self.shortcut(feature)
        return branch.map(lambda x: x + short.x)


class ResNet(nn.Sequential):
    """Maps images [B, in_channels, H, W] to class scores [B, num_outputs].

    Args:
        in_channels: of the images.
        num_outputs: scores to give.
        lifting: makes the lifting convolution from (in_channels, out_channels).
        conv: makes a group convolution from (in_channels, out_channels).
        hidden_channels: of the stem; `widths` multiply it.
        widths: one stage each, of hidden_channels·width channels (rounded).
        blocks: in each stage, which has two convolutions a block.
        stem: "cifar" (3x3) or "imagenet" (7x7 with stride 2, norm, ReLU, 3x3 pool with stride 2).
        norm: over what to normalise (see `Norm`).
        group_pool, spatial_pool, first_pool: how the read-out integrates over the group and over
            space, and over which of them first.

    Parameters with grid kernels, on three channels and ten classes: ResNet-44 2,636,458 on T2 (32
    hidden channels), 2,632,026 on C4 (16), 2,959,366 on D4 (12); ResNet-18 11,173,962 (64),
    11,165,738 (32), 11,533,889 (23). Published are 2.636M, 2.634M, 2.963M, 11.17M, 11.17M, 11.55M:
    those p4 and p4m nets read out every element of the group, and so are not invariant. PCam's
    ResNet-44 on C4 (4, 7 and 14 channels, two classes) has 128,652, as published.

    Raises:
        Refusal: if `blocks` and `widths` differ in length, or if the layers compute different
            elements, which identity shortcuts cannot add.
    """

    def __init__(
        self,
        in_channels: Count,
        num_outputs: Count,
        lifting: Callable[..., LiftingConv],
        conv: Callable[..., GroupConv],
        *,
        hidden_channels: Count = 16,
        widths: Sequence[Positive] = (1, 2, 4),
        blocks: Sequence[Count] = (7, 7, 7),
        stem: Literal["cifar", "imagenet"] = "cifar",
        norm: Over = "batch",
        group_pool: Literal["mean", "max"] = "max",
        spatial_pool: Literal["mean", "max"] = "mean",
        first_pool: Order = "space",
    ) -> None:
        if len(blocks) != len(widths):
            raise Refusal(f"widths has {len(widths)} stages", blocks=list(blocks))
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        size, stride = (3, 1) if stem == "cifar" else (7, 2)
        layers["lifting"] = first = lifting(
            in_channels,
            hidden_channels,
            kernel_size=size,
            stride=stride,
            padding="same",
            bias=False,
        )
        if not same_everywhere(first):
            scope = {"scope": first.sampling.scope}
            cause = {"partial": True} if first.relaxation.chooses else scope
            raise Refusal(
                "a ResNet adds what its layers compute, and needs the same elements of all of "
                "them: conv.partial=False, and base_group.scope=network or "
                "base_group.sampling=deterministic",
                **cause,
            )
        if stem == "imagenet":
            layers["norm0"] = Norm(hidden_channels, norm)
            layers["activation0"] = Activation()
            layers["pool0"] = SpatialPool("max", 3, 2, padding=1)
        channels = hidden_channels
        scaled = layer_channels(hidden_channels, widths)
        for i, (width, depth) in enumerate(zip(scaled, blocks, strict=True), 1):
            stage = []
            for j in range(depth):
                before, channels = channels, width
                stride = 2 if i > 1 and j == 0 else 1
                stage.append(PreActivationBlock(before, channels, conv, stride, norm))
            layers[f"stage{i}"] = nn.Sequential(*stage)
        layers["norm"] = Norm(channels, norm)
        layers["activation"] = Activation()
        layers.update(readout(channels, num_outputs, group_pool, spatial_pool, first_pool))
        super().__init__(layers)
