"""The samplings of a whole model."""

from collections.abc import Iterator

from torch import nn

from partial_equiv.sampling.sampling import Sampling

__all__ = ["samplings"]


def samplings(model: nn.Module) -> Iterator[tuple[str, Sampling]]:
    """The layers of a model that sample, in order: (the layer's name, its sampling)."""
    for name, module in model.named_modules():
        if isinstance(module, Sampling):
            yield name.removesuffix("sampling").rstrip("."), module
