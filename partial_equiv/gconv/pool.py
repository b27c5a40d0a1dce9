"""Pooling of group features over space and over the group."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from partial_equiv.gconv.feature import GroupFeature
from partial_equiv.gconv.windows import Windows
from partial_equiv.intervals import Count, Natural
from partial_equiv.refusal import Refusal

__all__ = ["GroupPool", "SpatialPool"]


class SpatialPool(nn.Module):
    """Halves (or divides by `stride`) the resolution: [B, C, G, H, W] to [B, C, G, H', W'].

    Args:
        mode: "max", "mean", or "blur": a binomial low-pass filter before subsampling by 2, with
            four taps on even sizes and three on odd ones, padding 1, which is exact for every size
            and alias-free (Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML
            2019).
        kernel_size: k of max and mean.
        stride: s of max and mean, k if None.
        padding: p of max (with -∞) and mean (with zeros).

    Raises:
        Refusal: if `mode` is "blur" and kernel_size or stride is not 2, or padding not 0; if
            padding is more than half of the window.
    """

    def __init__(
        self,
        mode: Literal["max", "mean", "blur"] = "max",
        kernel_size: Count = 2,
        stride: Count | None = None,
        padding: Natural = 0,
    ) -> None:
        super().__init__()
        self.mode, self.kernel_size, self.stride = mode, kernel_size, stride or kernel_size
        self.padding = padding
        if mode == "blur" and (self.kernel_size, self.stride, padding) != (2, 2, 0):
            raise Refusal(
                "pool=blur halves, use 2, 2 and 0",
                kernel_size=kernel_size,
                stride=stride,
                padding=padding,
            )
        if 2 * padding > kernel_size:
            raise Refusal(f"use at most half of kernel_size={kernel_size}", padding=padding)

    def windows(self, size: int) -> Windows:
        """Where the windows lie along an axis of `size` pixels."""
        if self.mode == "blur":
            return Windows(3 + (size + 1) % 2, stride=2, padding=1)
        return Windows(self.kernel_size, self.stride, self.padding)

    def forward(self, feature: GroupFeature) -> GroupFeature:
        return feature.map(self._pool)

    def _pool(self, x: Tensor) -> Tensor:
        maps = x.flatten(1, 2)  # [B, C·G, H, W]
        if self.mode == "blur":
            maps = blur(blur(maps, -1), -2)
        elif self.mode == "max":
            maps = functional.max_pool2d(maps, self.kernel_size, self.stride, self.padding)
        else:
            maps = functional.avg_pool2d(maps, self.kernel_size, self.stride, self.padding)
        return maps.unflatten(1, x.shape[1:3])

    def extra_repr(self) -> str:
        sizes = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return f"{self.mode}, {sizes}"


def blur(x: Tensor, dim: int) -> Tensor:
    """Subsample a dimension by 2 after a low pass: (1, 3, 3, 1)/8 if even, (1, 2, 1)/4 if odd."""
    taps = (1, 3, 3, 1) if x.shape[dim] % 2 == 0 else (1, 2, 1)
    padded = functional.pad(x, (1, 1) if dim == -1 else (0, 0, 1, 1))
    length = (padded.shape[dim] - len(taps)) // 2 + 1
    slices = (padded.narrow(dim, tap, 2 * length - 1) for tap in range(len(taps)))
    strided = (part[..., ::2] if dim == -1 else part[..., ::2, :] for part in slices)
    return torch.stack(
        [tap / sum(taps) * part for tap, part in zip(taps, strided, strict=True)]
    ).sum(0)


class GroupPool(nn.Module):
    """Integrates a feature over the group: [B, C, G, H, W] to an ordinary map [B, C, H, W].

    Args:
        mode: "mean" or "max" over the elements that are kept.
    """

    def __init__(self, mode: Literal["mean", "max"] = "mean") -> None:
        super().__init__()
        self.mode = mode

    def forward(self, feature: GroupFeature) -> Tensor:
        return feature.group_mean() if self.mode == "mean" else feature.group_max()

    def extra_repr(self) -> str:
        return self.mode
