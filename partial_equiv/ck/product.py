r"""The product of read-out and basis, which writes the weights of a convolution.

Under autocast they are written in the half precision that the convolution reads them in. A weight
is a small difference of larger terms, so its terms are not rounded as autocast would. With a number
as the sum of two in half precision, x ≈ x₁ + x₂,

    a·b ≈ a₁·b₁ + a₁·b₂ + a₂·b₁

is one product over three times as many terms, whose sum is kept in float32: what comes out is the
float32 product, rounded once.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["product"]


def product(a: Tensor, b: Tensor) -> Tensor:
    """a [B, N, K] times b [B, M, K], transposed: [B, N, M]; in float32, or under autocast in its
    precision."""
    kind = a.device.type
    if not torch.is_autocast_enabled(kind) or a.dtype == torch.float64:  # which autocast leaves
        return a @ b.mT
    half: Tensor = RoundedProduct.apply(a, b, torch.get_autocast_dtype(kind))
    return half


class RoundedProduct(torch.autograd.Function):
    """a @ bᵀ in half precision; the gradients are those of a₁ and b₁, as autocast's are."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, dtype: torch.dtype) -> Tensor:  # noqa: ANN401
        a1, b1 = a.to(dtype), b.to(dtype)
        a2, b2 = (a - a1).to(dtype), (b - b1).to(dtype)
        ctx.save_for_backward(a1, b1)
        return torch.cat([a1, a1, a2], -1) @ torch.cat([b1, b2, b1], -1).mT

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:  # noqa: ANN401
        a1, b1 = ctx.saved_tensors
        return (gradient @ b1).float(), (gradient.mT @ a1).float(), None
