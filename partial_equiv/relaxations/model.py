"""The relaxations of a whole model: what they have learned, and how to keep them in order."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from partial_equiv.relaxations.relaxation import Choice, Relaxation

__all__ = [
    "collected_terms",
    "learned_subsets",
    "numbers",
    "project_",
    "relaxations_of",
    "set_progress",
]


def relaxations_of(model: nn.Module) -> Iterator[tuple[str, Relaxation]]:
    """The relaxations of a model, in order: (the layer's name, its relaxation)."""
    for name, module in model.named_modules():
        if isinstance(module, Relaxation):
            yield name.removesuffix("relaxation").rstrip("."), module


def project_(model: nn.Module) -> None:
    """Bring every relaxation's parameters back in place; call it after each optimiser step."""
    for _, relaxation in relaxations_of(model):
        relaxation.project_()


def set_progress(model: nn.Module, share: float) -> None:
    """Tell every relaxation how much of the training is done, in [0, 1]; call it before each
    step."""
    for _, relaxation in relaxations_of(model):
        relaxation.set_progress(share)


def numbers(model: nn.Module) -> dict[str, float]:
    """What all layers have learned of their groups: range/<layer>, range/<layer>.<part>, …"""
    found = {}
    for layer, relaxation in relaxations_of(model):
        for name, value in relaxation.numbers().items():
            kind, _, part = name.partition(".")
            found[f"{kind}/{'.'.join(filter(None, (layer, part)))}"] = value
    return found


def learned_subsets(model: nn.Module) -> dict[str, float]:
    """Each learned range, by its layer's name, and each keep-probability, as `layer.part`."""
    return {
        name.removeprefix("range/"): value
        for name, value in numbers(model).items()
        if name.startswith("range/")
    }


@contextmanager
def collected_terms(model: nn.Module) -> Iterator[dict[str, list[Tensor]]]:
    """Collect the terms that the relaxations of a model add to the loss, as long as it runs inside
    the block: by name, one for each layer and call, in order. Empty the mapping before each batch.

    >>> import torch
    >>> from partial_equiv import SO2, InputSubset, Layer
    >>> class Image:
    ...     x, weights = torch.zeros(2, 3, 1, 4, 4), None
    >>> relaxation = InputSubset(Layer(SO2(), 4, in_channels=3))
    >>> with collected_terms(relaxation) as terms:
    ...     _ = relaxation(Image())
    >>> {name: [each.shape for each in values] for name, values in terms.items()}
    {'kl': [torch.Size([2])]}
    """
    found: dict[str, list[Tensor]] = {}

    def collect(relaxation: nn.Module, given: object, choice: Choice) -> None:
        for name, value in choice.terms.items():
            found.setdefault(name, []).append(value)

    hooks = [
        relaxation.register_forward_hook(collect)
        for _, relaxation in relaxations_of(model)
        if relaxation.terms
    ]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
