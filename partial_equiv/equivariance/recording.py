"""What every layer of a module answers while it runs, by hooks that are gone afterwards."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from partial_equiv.equivariance.actions import Value
from partial_equiv.equivariance.errors import values
from partial_equiv.equivariance.nested import mapped, parts
from partial_equiv.gconv import Activation, Convolution, GroupFeature

__all__ = ["Call", "Function", "Inputs", "evaluating", "record"]

Inputs = Value | tuple[Any, ...]
WHOLE = (Convolution, Activation)  # what lies in them is no layer of its own


@dataclass(frozen=True)
class Call:
    """A value that came out of a call of a layer.

    Attributes:
        layer: that was called.
        name: of the call: the layer's, with :2, :3, … for further calls.
        place: of the value in what the layer gave: "" if that was all (see `parts`).
        output: the value.
        given, named: the arguments, if they were kept.
    """

    layer: nn.Module
    name: str
    place: str
    output: Value
    given: tuple[Any, ...] = ()
    named: dict[str, Any] | None = None

    @property
    def read(self) -> Value | None:
        """The first value among the arguments."""
        return next((value for _, value in parts((self.given, self.named))), None)

    def again(self, change: Callable[[Value], Value]) -> Value:
        """What the layer gives if all values among its arguments are changed."""
        given, named = mapped(lambda value: change(copy(value)), (self.given, self.named or {}))
        return dict(parts(self.layer(*given, **named)))[self.place]


def record(module: nn.Module, inputs: Inputs, keep: str | None = None) -> dict[str, Call]:
    """What came out of all layers while a module ran, by name, in the order in which they end.

    The name is that of the call, and the place of the value if it gave several.

    Args:
        module: that runs.
        inputs: of it; a tuple holds its arguments.
        keep: the name of the call whose arguments are recorded, too.
    """
    calls: dict[str, Call] = {}
    begun, ended = Counter[str](), Counter[str]()
    kept: tuple[tuple[Any, ...], dict[str, Any]] = (), {}

    def nth(name: str, counts: Counter[str]) -> str:
        counts[name] += 1
        return name if counts[name] == 1 else f"{name}:{counts[name]}"

    def before(name: str, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        nonlocal kept
        if nth(name, begun) == keep:
            kept = mapped(copy, (given, named))

    def after(name: str, layer: nn.Module, output: object) -> None:
        call = nth(name, ended)
        arguments = kept if call == keep else ((), None)
        for place, value in parts(output):
            if values(value).dim():
                calls[call + place] = Call(layer, call, place, copy(value), *arguments)

    hooks = []
    try:
        for name, layer in layers_of(module):
            begin = lambda _, given, named, name=name: before(name, given, named)  # noqa: E731
            end = lambda layer, _, output, name=name: after(name, layer, output)  # noqa: E731
            hooks.append(layer.register_forward_pre_hook(begin, with_kwargs=True))
            hooks.append(layer.register_forward_hook(end))
        module(*mapped(copy, inputs if isinstance(inputs, tuple) else (inputs,)))
    finally:
        for hook in hooks:
            hook.remove()
    return calls


def layers_of(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The layers in a module, each by its first name, and the module itself, which comes last."""
    seen = set[nn.Module]()

    def below(layer: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
        if layer in seen:
            return
        seen.add(layer)
        if not isinstance(layer, WHOLE):
            for child, part in layer.named_children():
                yield from below(part, f"{name}.{child}" if name else child)
        yield name, layer

    yield from below(module, "")


def copy(value: Value) -> Value:
    """The same values, in memory of their own."""
    return value.map(torch.clone) if isinstance(value, GroupFeature) else value.clone()


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *given: Any) -> Any:  # noqa: ANN401
        return self.function(*given)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode, and each of its parts back into its own."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
