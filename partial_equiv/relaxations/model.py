"""The relaxations of a whole model: what they have learned, and how to keep them in order."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from partial_equiv.relaxations.relaxation import Choice, Relaxation

__all__ = [
    "Terms",
    "after_step",
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
    """Bring every relaxation's parameters back in place; `after_step` does it, too."""
    for _, relaxation in relaxations_of(model):
        relaxation.project_()


def after_step(model: nn.Module) -> None:
    """Let every relaxation do its part of a step: call it once after each step of the optimiser.

    The parameters are brought back to where they make sense, and what no gradient changes, such as
    the multiplier of a constraint, makes a step of its own.
    """
    for _, relaxation in relaxations_of(model):
        relaxation.project_()
        relaxation.after_step()


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


class Terms:
    """The terms that the relaxations of a model add to its loss, by name.

    Attributes:
        collected: of the features that the model was run on since the last `clear`, one [B] for
            each layer and call, in order.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.collected: dict[str, list[Tensor]] = {}

    def clear(self) -> None:
        """Forget what was collected; call it before each batch."""
        self.collected.clear()

    def totals(self) -> dict[str, Tensor]:
        """Each term summed over the layers and averaged over the images (scalar)."""
        found = {name: torch.stack(each).sum(0).mean() for name, each in self.collected.items()}
        for _, relaxation in relaxations_of(self.model):
            for name, value in relaxation.terms().items():
                found[name] = found[name] + value if name in found else value
        return found

    def collect(self, relaxation: nn.Module, given: object, choice: Choice) -> None:
        """A forward hook of relaxations; it leaves alone what is run without gradients."""
        if torch.is_grad_enabled():
            for name, value in choice.terms.items():
                self.collected.setdefault(name, []).append(value)


@contextmanager
def collected_terms(model: nn.Module) -> Iterator[Terms]:
    """Collect the terms that the relaxations of a model add to the loss, whenever it is run with
    gradients inside the block.

    >>> from partial_equiv import SO2, InputSubset, Layer
    >>> class Image:
    ...     x, weights = torch.zeros(2, 3, 1, 4, 4), None
    >>> relaxation = InputSubset(Layer(SO2(), 4, in_channels=3))
    >>> with collected_terms(relaxation) as terms:
    ...     _ = relaxation(Image())
    >>> {name: abs(value.item()) for name, value in terms.totals().items()}
    {'kl': 0.0}
    """
    terms = Terms(model)
    hooks = [
        relaxation.register_forward_hook(terms.collect)
        for _, relaxation in relaxations_of(model)
        if relaxation.penalties
    ]
    try:
        yield terms
    finally:
        for hook in hooks:
            hook.remove()
