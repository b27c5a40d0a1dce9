"""Layers that act on each value alone, or on whole channels, and so commute with every symmetry."""

from typing import Literal

from torch import nn
from torch.nn import functional

from partial_equiv.gconv.feature import GroupFeature
from partial_equiv.intervals import Fraction

__all__ = ["Activation", "Dropout"]


class Activation(nn.Module):
    """Applies a pointwise function, such as `nn.ReLU()`, to the values of a group feature."""

    def __init__(self, function: nn.Module | None = None) -> None:
        super().__init__()
        self.function = nn.ReLU() if function is None else function

    def forward(self, feature: GroupFeature) -> GroupFeature:
        return feature.map(self.function)


class Dropout(nn.Module):
    """Drops values of [B, C, G, H, W] in training.

    Args:
        probability: to drop each.
        each: "channel", all elements and pixels together, or "value".
    """

    def __init__(
        self, probability: Fraction = 0.5, each: Literal["channel", "value"] = "channel"
    ) -> None:
        super().__init__()
        self.probability, self.each = probability, each

    def forward(self, feature: GroupFeature) -> GroupFeature:
        drop = functional.dropout3d if self.each == "channel" else functional.dropout
        return feature.map(lambda x: drop(x, self.probability, self.training))

    def extra_repr(self) -> str:
        return f"{self.probability}, {self.each}"
