"""The learned subsets of a whole model: to read them, and to keep them in order while training."""

from collections.abc import Iterator

from torch import nn

from partial_equiv.sampling.sampling import Sampling

__all__ = ["learned_subsets", "project_", "samplings", "set_progress"]


def samplings(model: nn.Module) -> Iterator[tuple[str, Sampling]]:
    """The layers of a model that sample, in order: (the layer's name, its sampling)."""
    for name, module in model.named_modules():
        if isinstance(module, Sampling):
            yield name.removesuffix("sampling").rstrip("."), module


def project_(model: nn.Module) -> None:
    """Bring every learned range back into [0, 1], in place; call it after each optimiser step."""
    for _, sampling in samplings(model):
        sampling.project_()


def set_progress(model: nn.Module, fraction: float) -> None:
    """Tell every layer how much of the training is done, in [0, 1]; call it before each step."""
    for _, sampling in samplings(model):
        sampling.set_progress(fraction)


def learned_subsets(model: nn.Module) -> dict[str, float]:
    """Each learned range, by its layer's name, and each keep-probability, as `layer.part`."""
    return {
        ".".join(filter(None, (layer, part))): value
        for layer, sampling in samplings(model)
        for part, value in sampling.subset().items()
    }
