r"""Normalisation of group features: y = (x - mean)/√(variance + ε)·scale + shift.

The statistics are integrals over the group too: each element enters with its weight, so that a
dropped one counts for nothing. Scale and shift are one number a channel, equal at all elements,
which keeps the layer equivariant.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from partial_equiv.gconv.feature import GroupFeature
from partial_equiv.intervals import Count, Fraction, Positive

__all__ = ["Norm"]

DIMENSIONS = {"batch": (0, 2, 3, 4), "instance": (2, 3, 4), "layer": (1, 2, 3, 4)}


class Norm(nn.Module):
    """Batch, instance or layer normalisation of x [B, C, G, H, W].

    Args:
        num_channels: C.
        over: "batch" takes statistics over (B, G, H, W) and runs an average of them for evaluation,
            as `nn.BatchNorm2d` does; "instance" takes them over (G, H, W), "layer" over (C, G, H,
            W).
        momentum: share of the newest batch in the running average; None for the plain mean.
        eps: ε.
        affine: learn scale and shift; if not, they stay 1 and 0.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(
        self,
        num_channels: Count,
        over: Literal["batch", "instance", "layer"] = "batch",
        *,
        momentum: Fraction | None = 0.1,
        eps: Positive = 1e-5,
        affine: bool = True,
    ) -> None:
        super().__init__()
        self.over, self.momentum, self.eps = over, momentum, eps
        scale_and_shift = torch.ones(num_channels), torch.zeros(num_channels)
        for name, value in zip(("weight", "bias"), scale_and_shift, strict=True):
            if affine:
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value, persistent=False)
        if over == "batch":
            self.register_buffer("running_mean", torch.zeros(num_channels))
            self.register_buffer("running_var", torch.ones(num_channels))
            self.register_buffer("num_batches_tracked", torch.tensor(0))

    def reset_running_stats(self) -> None:
        """Forget the running statistics (batch normalisation only; else nothing happens)."""
        if self.over == "batch":
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def forward(self, feature: GroupFeature) -> GroupFeature:
        if self.over == "batch" and not self.training:
            return feature.map(
                lambda x: functional.batch_norm(
                    x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
                )
            )
        weights = feature.broadcast_weights()
        return feature.map(self._plain if weights is None else lambda x: self._weighted(x, weights))

    def _plain(self, x: Tensor) -> Tensor:
        if self.over == "batch":
            mean, var, share = self.running_mean, self.running_var, self._count()
            return functional.batch_norm(
                x, mean, var, self.weight, self.bias, True, share, self.eps
            )
        groups = x.shape[1] if self.over == "instance" else 1
        return functional.group_norm(x, groups, self.weight, self.bias, self.eps)

    def _weighted(self, x: Tensor, weights: Tensor) -> Tensor:
        x = x.to(self.weight.dtype)
        dimensions = DIMENSIONS[self.over]
        weights = (weights / weights.sum(2, keepdim=True)).expand(len(x), -1, -1, -1, -1)
        spread = x.shape[3] * x.shape[4]
        spread *= x.shape[0] if self.over == "batch" else x.shape[1] if self.over == "layer" else 1
        mean = (weights * x).sum(dimensions, keepdim=True) / spread
        var = (weights * (x - mean).square()).sum(dimensions, keepdim=True) / spread
        if self.over == "batch":
            share = self._count()
            with torch.no_grad():
                self.running_mean.lerp_(mean.flatten(), share)
                self.running_var.lerp_(var.flatten(), share)
        scale = self.weight[:, None, None, None] * (var + self.eps).rsqrt()
        return (x - mean) * scale + self.bias[:, None, None, None]

    def _count(self) -> float:
        """Count one more batch and return its share in the running average."""
        self.num_batches_tracked += 1
        return 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, over={self.over}"
