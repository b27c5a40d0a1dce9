"""Layers that act on each value alone, or on whole channels, and so commute with every symmetry."""

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
    """Drops whole channels of [B, C, G, H, W], all elements and pixels together.

    Args:
        probability: to drop a channel, in training.
    """

    def __init__(self, probability: Fraction = 0.5) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, feature: GroupFeature) -> GroupFeature:
        return feature.map(lambda x: functional.dropout3d(x, self.probability, self.training))

    def extra_repr(self) -> str:
        return f"{self.probability}"
