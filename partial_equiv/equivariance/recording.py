"""What every layer of a module answers while it runs, by hooks that are gone afterwards."""

from collections import Counter
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import _global_forward_hooks_with_kwargs, register_module_forward_hook

from partial_equiv.equivariance.actions import Value
from partial_equiv.equivariance.errors import values
from partial_equiv.equivariance.following import Axes, Follower, Kind
from partial_equiv.equivariance.layouts import MAP, VECTOR, Layout, Layouts, chosen
from partial_equiv.equivariance.nested import mapped, parts
from partial_equiv.gconv import Activation, Convolution, GroupFeature

__all__ = ["WHOLE", "Call", "Function", "Inputs", "evaluating", "input_layouts", "label", "record"]

Inputs = Value | tuple[Any, ...]
WHOLE = (Convolution, Activation, torch.jit.ScriptModule)  # nothing in them is a layer of its own


@dataclass(frozen=True)
class Call:
    """A value that came out of a call of a layer.

    Attributes:
        layer: that was called.
        name: of the call: the layer's, with :2, :3, … for further calls.
        place: of the value in what the layer gave: "" if that was all (see `parts`).
        output: the value.
        layout: how the value lies, see `layouts`; None if nobody knows.
        given, named: the arguments, if they were kept.
        read_layouts: how the values among the arguments lie.
    """

    layer: nn.Module
    name: str
    place: str
    output: Value
    layout: Layout | None = None
    given: tuple[Any, ...] = ()
    named: dict[str, Any] | None = None
    read_layouts: tuple[Layout | None, ...] = ()

    @property
    def read(self) -> Value | None:
        """The first value among the arguments."""
        return next((value for _, value in parts((self.given, self.named))), None)

    def again(self, change: Callable[[Value, Layout | None], Value]) -> Value:
        """What the layer gives if all values among its arguments are changed.

        Args:
            change: from a value and its layout to another value.
        """
        layouts = iter(self.read_layouts)
        given, named = mapped(
            lambda value: change(copy(value), next(layouts)), (self.given, self.named or {})
        )
        return dict(parts(self.layer(*given, **named)))[self.place]


def label(name: str) -> str:
    """The name of a value in words: "output" for that of the module itself."""
    return f"output{name}" if name[:1] in ("", "[") else name


def input_layouts(inputs: Inputs, layouts: Layouts) -> list[Layout | None]:
    """How the values among the inputs lie: images [B, C, H, W] and vectors, if nothing is said."""

    def layout(place: str, value: Value) -> Layout | None:
        if isinstance(value, GroupFeature):
            return None
        said = chosen(layouts, f"input{place}", value)
        return said or {1: VECTOR, 2: VECTOR, 4: MAP}.get(value.dim())

    return [layout(place, value) for place, value in parts(inputs)]


def record(
    module: nn.Module, inputs: Inputs, layouts: Layouts | None = None, keep: Container[str] = ()
) -> dict[str, Call]:
    """What came out of all layers while a module ran, by name, in the order in which they end.

    The name is that of the call, and the place of the value if it gave several.

    Args:
        module: that runs.
        inputs: of it; a tuple holds its arguments.
        layouts: how values lie that are not known otherwise.
        keep: the names of the calls whose arguments are recorded, too.
    """
    layouts = {} if layouts is None else layouts
    follower = Follower()
    calls: dict[str, tuple[Call, Kind]] = {}
    begun, ended = Counter[str](), Counter[str]()
    kept: dict[str, tuple[tuple[Any, ...], dict[str, Any], list[Kind]]] = {}

    def nth(name: str, counts: Counter[str]) -> str:
        counts[name] += 1
        return name if counts[name] == 1 else f"{name}:{counts[name]}"

    def before(name: str, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        kinds = [noted(value) for _, value in parts((given, named))]
        if (call := nth(name, begun)) in keep:
            kept[call] = *mapped(copy, (given, named)), kinds

    def after(name: str, layer: nn.Module, output: object) -> None:
        call = nth(name, ended)
        given, named, _ = kept.get(call, ((), None, []))
        for place, value in parts(output):
            kind = noted(value)
            kind.layout = chosen(layouts, label(call + place), values(value)) or kind.layout
            if values(value).dim():
                made = Call(layer, call, place, copy(value), None, given, named)
                calls[call + place] = made, kind

    def any_module(module: nn.Module, given: object, named: object, output: object) -> None:
        """Note what any module gives, also one that a function calls, or that torch cannot see."""
        read = {noted(value).axes for _, value in parts((given, named))}
        for _, value in parts(output):
            kind = noted(value)
            unseen = kind.axes is Axes.UNKNOWN and Axes.MAP in read
            if values(value).dim() == 4 and (unseen or Axes.FEATURE in read):
                kind.axes = Axes.MAP

    def noted(value: Value) -> Kind:
        kind = follower.kind(values(value))
        if isinstance(value, GroupFeature):
            kind.axes = Axes.FEATURE
        return kind

    def layout(value: Value, kind: Kind) -> Layout | None:
        if isinstance(value, GroupFeature):
            return None
        if kind.layout is not None:
            return kind.layout
        ours = value.dim() > 0 and len(value) == num_images
        known = value.dim() < 3 or (value.dim() == 4 and kind.axes is Axes.MAP)
        return (MAP if value.dim() == 4 else VECTOR) if ours and known else None

    def finished(call: Call, kind: Kind) -> Call:
        *_, kinds = kept.get(call.name, ((), None, []))
        read = (value for _, value in parts((call.given, call.named)))
        found = tuple(layout(*each) for each in zip(read, kinds, strict=True))
        return replace(call, layout=layout(call.output, kind), read_layouts=found)

    given = mapped(copy, inputs if isinstance(inputs, tuple) else (inputs,))
    _, first = next(parts(given))
    num_images = len(values(first))
    for (_, value), lies in zip(parts(given), input_layouts(inputs, layouts), strict=True):
        kind = noted(value)
        kind.axes = Axes.MAP if lies == MAP else kind.axes
        kind.layout = lies
    hooks = [register_module_forward_hook(any_module, with_kwargs=True)]
    try:
        for known, part in layers_of(module):
            begin = lambda _, given, named, name=known: before(name, given, named)  # noqa: E731
            end = lambda layer, _, output, name=known: after(name, layer, output)  # noqa: E731
            # scripted modules refuse to be hooked themselves, and call the hooks all the same
            hooks.append(nn.Module.register_forward_pre_hook(part, begin, with_kwargs=True))
            hooks.append(nn.Module.register_forward_hook(part, end))
        with follower:
            module(*given)
    finally:
        for hook in hooks:
            hook.remove()
            # torch keeps this mark of a global hook, and torch.compile then warns of a hook
            _global_forward_hooks_with_kwargs.pop(hook.id, None)
    return {name: finished(*each) for name, each in calls.items()}


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
    if isinstance(value, GroupFeature):
        return value.map(lambda x: x.detach().clone())
    return value.detach().clone()


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
