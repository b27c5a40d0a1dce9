r"""One strided lifting convolution and its read-out: the smallest net that can break its symmetry.

The mean of a feature map over space is as invariant as the positions that it is computed at. With
stride s they form a lattice that starts in a corner; a quarter turn maps it to itself iff
(i + 2p - k) mod s = 0. Otherwise the net sees other pixels of a turned image, and can learn to
tell the two apart (Edixhoven, Lengyel, van Gemert, "Using and Abusing Equivariance", ICCVw 2023).
"""

from collections.abc import Callable
from typing import Literal

from torch import nn

from models.readout import readout
from partial_equiv.gconv import LiftingConv
from partial_equiv.intervals import Count, Natural

__all__ = ["OneConv"]


class OneConv(nn.Sequential):
    """Maps images [B, in_channels, H, W] to class scores: lift, mean over space, pool, linear.

    On C4 with a grid kernel, one channel and two classes it has 14 parameters: nine taps, a bias,
    and the read-out's 2 + 2.

    Args:
        in_channels: of the images.
        num_outputs: scores to give.
        lifting: makes the lifting convolution from (in_channels, out_channels).
        hidden_channels: of that convolution.
        kernel_size, stride, padding: of it, too.
        group_pool: over the group, after the mean over space.
    """

    def __init__(
        self,
        in_channels: Count,
        num_outputs: Count,
        lifting: Callable[..., LiftingConv],
        *,
        hidden_channels: Count = 1,
        kernel_size: Count = 3,
        stride: Count = 2,
        padding: Natural = 1,
        group_pool: Literal["mean", "max"] = "max",
    ) -> None:
        super().__init__()
        window = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
        self.lifting = lifting(in_channels, hidden_channels, **window)
        for name, layer in readout(
            hidden_channels, num_outputs, group_pool, "mean", "space"
        ).items():
            self.add_module(name, layer)
