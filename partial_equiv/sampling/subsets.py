"""The samplings of a whole model."""

from collections.abc import Iterator

from torch import nn

from partial_equiv.groups import Group
from partial_equiv.sampling.sampling import Sampling

__all__ = ["mirror_group", "samplings"]


def samplings(model: nn.Module) -> Iterator[tuple[str, Sampling]]:
    """The layers of a model that sample, in order: (the layer's name, its sampling)."""
    for name, module in model.named_modules():
        if isinstance(module, Sampling):
            yield name.removesuffix("sampling").rstrip("."), module


def mirror_group(model: nn.Module) -> Group | None:
    """The group of the first of a model's layers that has a mirror; None if no layer has."""
    groups = (sampling.group for _, sampling in samplings(model))
    return next((group for group in groups if group.has_mirror), None)
