r"""Normalisation of group features: y = (x - mean)/√(variance + ε)·scale + shift.

The statistics are integrals over the group too: each element enters with its weight, so that a
dropped one counts for nothing. Scale and shift are one number a channel, equal at all elements,
which keeps the layer equivariant.

Where several processes train (torch.distributed), batch statistics are those of the joint batch of
all of them, as in `nn.SyncBatchNorm`, however many images each one has.
"""

from typing import Any, Literal, overload

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from partial_equiv.gconv.feature import GroupFeature
from partial_equiv.gconv.ranks import num_ranks, summed_over_ranks
from partial_equiv.intervals import Count, Fraction, Positive
from partial_equiv.refusal import Refusal

__all__ = ["Norm"]

DIMENSIONS = {"batch": (0, 2), "instance": (2,), "layer": (1, 2)}  # beside the pixels


class Norm(nn.Module):
    """Batch, instance or layer normalisation of x [B, C, G, H, W], or of plain maps [B, C, H, W].

    Args:
        num_channels: C.
        over: "batch" takes statistics over (B, G, H, W) and runs an average of them for evaluation,
            as `nn.BatchNorm2d` does (the variance as an unbiased estimate, too); "instance" takes
            them over (G, H, W), "layer" over (C, G, H, W).
        momentum: share of the newest batch in the running average; None for the plain mean.
        eps: ε.
        affine: learn scale and shift; if not, they stay 1 and 0.

    Raises:
        Refusal: for a feature of another number of channels.
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

    @overload
    def forward(self, given: GroupFeature) -> GroupFeature: ...

    @overload
    def forward(self, given: Tensor) -> Tensor: ...

    def forward(self, given: GroupFeature | Tensor) -> GroupFeature | Tensor:
        if isinstance(given, GroupFeature):
            return self._normalised(given)
        return self._normalised(GroupFeature(given[:, :, None], given.new_empty(1, 1, 0))).x[
            :, :, 0
        ]

    def _normalised(self, feature: GroupFeature) -> GroupFeature:
        if feature.shape[1] != len(self.weight):
            raise Refusal(
                f"this norm was given {feature.shape[1]} channels", num_channels=len(self.weight)
            )
        if self.over == "batch" and not self.training:
            return feature.map(
                lambda x: functional.batch_norm(
                    x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
                )
            )
        weights = feature.broadcast_weights()
        together = self.over == "batch" and num_ranks() > 1
        if weights is None and not together:
            return feature.map(self._plain)
        if weights is None:
            weights = feature.x.new_ones(1, 1, feature.x.shape[2], 1, 1, dtype=self.weight.dtype)
        return feature.map(lambda x: self._weighted(x, weights, together))

    def _plain(self, x: Tensor) -> Tensor:
        if self.over == "batch":
            mean, var, share = self.running_mean, self.running_var, self._count()
            return functional.batch_norm(
                x, mean, var, self.weight, self.bias, True, share, self.eps
            )
        groups = x.shape[1] if self.over == "instance" else 1
        return functional.group_norm(x, groups, self.weight, self.bias, self.eps)

    def _weighted(self, x: Tensor, weights: Tensor, together: bool) -> Tensor:
        """With weights [S, 1, G, 1, 1]; `together` with the other ranks."""
        num_pixels = x.shape[3] * x.shape[4]
        others: int | Tensor = {"batch": x.shape[0], "layer": x.shape[1], "instance": 1}[self.over]
        if together:
            others = summed_over_ranks(weights.new_tensor(others * num_pixels)) / num_pixels
        share = weights / weights.sum(2, keepdim=True) / others
        share = share.expand(len(x), -1, -1, -1, -1)
        dimensions = DIMENSIONS[self.over]
        columns = (value[:, None, None, None] for value in (self.weight, self.bias))
        y, mean, var = WeightedNorm.apply(
            x.to(self.weight.dtype),
            share,
            *columns,
            dimensions,
            self.eps,
            together,
        )
        if self.over == "batch":
            momentum = self._count()
            with torch.no_grad():
                alike = share.square().sum() / num_pixels  # 1/N for N values that count the same
                alike = summed_over_ranks(alike) if together else alike
                self.running_mean.lerp_(mean.flatten(), momentum)
                self.running_var.lerp_(var.flatten() / (1 - alike).clamp_min(1e-12), momentum)
        return y

    def _count(self) -> float:
        """Count one more batch and return its share in the running average."""
        self.num_batches_tracked += 1
        return 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, over={self.over}"


class WeightedNorm(torch.autograd.Function):
    """y = (x - μ)·r·scale + shift, μ = Σ q x̄, r = (Σ q (v + (x̄ - μ)²) + ε)^-½, with the mean x̄ and
    the variance v of each map [H, W] of x [B, C, G, H, W], and shares q that sum to 1 over the
    dimensions, on all ranks if they go `together`. Two passes over x forward and three backward,
    where autograd takes a dozen.

    Returns y, μ and the variance Σ q (v + (x̄ - μ)²); the last two pass no gradient on.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        share: Tensor,
        scale: Tensor,
        shift: Tensor,
        dimensions: tuple[int, ...],
        eps: float,
        together: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        spread, centre = torch.var_mean(x, (3, 4), correction=0, keepdim=True)  # [B, C, G, 1, 1]
        total = summed_over_ranks if together else torch.Tensor.contiguous
        mean = total((share * centre).sum(dimensions, keepdim=True))
        spread = spread + (centre - mean).square()
        var = total((share * spread).sum(dimensions, keepdim=True))
        rate = (var + eps).rsqrt()
        ctx.save_for_backward(x, share, scale, centre, spread, mean, rate)
        ctx.dimensions, ctx.together = dimensions, together
        ctx.mark_non_differentiable(mean, var)
        return torch.addcmul(shift - mean * rate * scale, x, rate * scale), mean, var

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        dy: Tensor,
        *_: Tensor,
    ) -> tuple[Tensor | None, ...]:
        x, share, scale, centre, spread, mean, rate = ctx.saved_tensors
        total = dy.sum((3, 4), keepdim=True)
        along = torch.linalg.vecdot(dy.flatten(3), x.flatten(3))[..., None, None] - mean * total
        d_mean = -(rate * scale * total).sum(ctx.dimensions, keepdim=True)
        d_var = -0.5 * (rate**3 * scale * along).sum(ctx.dimensions, keepdim=True)
        if ctx.together:
            d_mean, d_var = summed_over_ranks(torch.stack([d_mean, d_var]))
        d_share = (d_mean * centre + d_var * spread).sum(1, keepdim=True)
        per_pixel = share / (x.shape[3] * x.shape[4])
        dx = torch.addcmul(per_pixel * (d_mean - 2 * d_var * mean), dy, rate * scale)
        dx.addcmul_(x, 2 * per_pixel * d_var)
        channel = (0, 2, 3, 4)
        d_scale = (rate * along).sum(channel)[:, None, None, None]
        d_shift = total.sum(channel)[:, None, None, None]
        return dx, d_share, d_scale, d_shift, None, None, None
