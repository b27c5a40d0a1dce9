"""A linear layer with a uniform initialisation, for inputs of any size, 0 included."""

import torch
from torch import Tensor, nn

__all__ = ["UniformLinear"]


class UniformLinear(nn.Module):
    """x [..., in] ↦ W x + b [..., out] with W, b ~ U(-bound, bound) at the start.

    A kernel of the trivial group reads no group coordinates: with `in_features` 0 only b is left.
    """

    def __init__(
        self, in_features: int, out_features: int, bound: float, bias_bound: float | None = None
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
        bias_bound = bound if bias_bound is None else bias_bound
        self.bias = nn.Parameter(torch.empty(out_features).uniform_(-bias_bound, bias_bound))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}"
