r"""The meter: how far every layer of a module is from equivariance, which one breaks it first, and
why.

The module runs once on x and once on T x for each transform T, with a hook on every layer; layer l
has the error of f_l(T x) against T f_l(x). The first layer, in the order of the computation, whose
error exceeds the tolerance is then looked at alone.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn

from partial_equiv.equivariance.actions import Value
from partial_equiv.equivariance.errors import Errors, errors, values
from partial_equiv.equivariance.strides import broken_rules, remainders
from partial_equiv.gconv import Activation, Convolution, GroupFeature

__all__ = ["LayerErrors", "Report", "equivariance_error"]

Transform = Callable[[Value], Value]
WHOLE = (Convolution, Activation)  # what lies in them is no layer of its own


@dataclass(frozen=True)
class LayerErrors:
    """The errors of one layer.

    Attributes:
        name: of the module; with :2, :3, … for further calls of the same one. "" is the module that
            is measured.
        kind: its class.
        each: the errors under each transform.
    """

    name: str
    kind: str
    each: tuple[Errors, ...]

    @property
    def mean(self) -> Errors:
        """The mean over the transforms."""
        mse, l1 = fmean(e.mse for e in self.each), fmean(e.l1 for e in self.each)
        return Errors(mse, l1, fmean(e.relative for e in self.each))

    @property
    def worst(self) -> int:
        """The place of the transform with the largest relative error."""
        return max(range(len(self.each)), key=lambda i: self.each[i].relative)


@dataclass(frozen=True)
class Report:
    """The errors of all layers, in the order of the computation; the module itself comes last.

    Attributes:
        layers: what was measured.
        first_break: the first layer that exceeds the tolerance; None if none does.
        reason: why that one does; "" if none does.
    """

    layers: tuple[LayerErrors, ...]
    first_break: LayerErrors | None
    reason: str

    @property
    def output(self) -> LayerErrors:
        """The errors of the module itself; ValueError if the transforms do not know its output."""
        if not self.layers or self.layers[-1].name:
            raise ValueError("it is not known how the module's output transforms")
        return self.layers[-1]

    @property
    def mse(self) -> float:
        """That of the module's output, as a mean over the transforms."""
        return self.output.mean.mse

    @property
    def l1(self) -> float:
        """That of the module's output, as a mean over the transforms."""
        return self.output.mean.l1

    @property
    def relative(self) -> float:
        """That of the module's output, as a mean over the transforms."""
        return self.output.mean.relative

    def __str__(self) -> str:
        width = max(len(layer.name or "output") for layer in self.layers)
        lines = [f"{'layer':{width}}       mse        l1  relative"]
        for layer in self.layers:
            mean = layer.mean
            figures = f"{mean.mse:10.2g}{mean.l1:10.2g}{mean.relative:10.2g}"
            lines.append(f"{layer.name or 'output':{width}}{figures}")
        if self.first_break is None:
            return "\n".join([*lines, "equivariant"])
        where = self.first_break.name or "output"
        return "\n".join([*lines, f"first break: {where} ({self.first_break.kind}): {self.reason}"])


@torch.no_grad()
def equivariance_error(
    module: nn.Module | Callable[[Any], Value],
    transforms: Transform | Sequence[Transform],
    inputs: Value,
    *,
    moved: Value | Sequence[Value] | None = None,
    tolerance: float | None = None,
) -> Report:
    """Measure the equivariance of a module, and of each of its layers, as they are in evaluation.

    Args:
        module: anything; layers that give no tensor or feature are not measured.
        transforms: T, functions of the inputs and of what each layer gives: an `Action`, all
            `actions` of a group, or your own. They raise TypeError for a layer whose representation
            is not known to them, which is then not measured.
        inputs: x, at least two different images [B, C, H, W], or a feature.
        moved: T x for each transform, if they are known better than by interpolation.
        tolerance: largest relative error that counts as none; √ε of the inputs' precision if None.

    Raises:
        ValueError: if the module gives all images the same output: there is no spread to compare
            an error with.

    >>> from partial_equiv import Cyclic, actions
    >>> net = nn.Sequential(nn.AvgPool2d(3, 1), nn.MaxPool2d(2))
    >>> x = torch.randn(2, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    >>> report = equivariance_error(net, actions(Cyclic(4)), x)
    >>> report.first_break.name, report.reason
    ('1', 'stride rule: (7 + 2·0 - 2) mod 2 = 1')
    """
    transforms = [transforms] if callable(transforms) else transforms
    moved = [moved] if isinstance(moved, (Tensor, GroupFeature)) else moved
    module = module if isinstance(module, nn.Module) else Function(module)
    if tolerance is None:
        tolerance = torch.finfo(values(inputs).dtype).eps ** 0.5
    moved = [transform(inputs) for transform in transforms] if moved is None else moved
    with evaluating(module):
        still = record(module, inputs)
        if "" in still and constant(values(still[""].output)):
            raise ValueError(
                "the module's output is the same for every image: no spread to compare with"
            )
        found: dict[str, list[Errors]] = {name: [] for name in still}
        for transform, turned in zip(transforms, moved, strict=True):
            calls = record(module, turned)
            for name, each in list(found.items()):
                try:
                    each.append(compare(transform, still[name].output, calls[name].output))
                except TypeError:
                    del found[name]
        layers = tuple(
            LayerErrors(name, type(still[name].layer).__name__, tuple(each))
            for name, each in found.items()
        )
        broken = (layer for layer in layers if layer.each[layer.worst].relative > tolerance)
        first = next(broken, None)
        if first is None:
            return Report(layers, None, "")
        call = record(module, inputs, keep=first.name)[first.name]
        reason = why(call, transforms[first.worst], tolerance)
        return Report(layers, first, reason)


@dataclass(frozen=True)
class Call:
    """A call of a layer: with what (if that was kept), and what came out."""

    layer: nn.Module
    given: tuple[Any, ...]
    named: dict[str, Any]
    output: Value

    def again(self, given: Value) -> Value:
        """What the layer gives for another first argument."""
        return self.layer(copy(given), *self.given[1:], **self.named)


def record(module: nn.Module, inputs: Value, keep: str | None = None) -> dict[str, Call]:
    """The calls of all layers while a module runs, by name, in the order in which they end.

    Args:
        keep: the name of the call whose arguments are recorded, too.
    """
    calls: dict[str, Call] = {}
    begun, ended = Counter[str](), Counter[str]()
    kept: tuple[tuple[Any, ...], dict[str, Any]] = (), {}

    def place(name: str, counts: Counter[str]) -> str:
        counts[name] += 1
        return name if counts[name] == 1 else f"{name}:{counts[name]}"

    def before(name: str, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        nonlocal kept
        if place(name, begun) == keep:
            kept = tuple(copy(value) if is_value(value) else value for value in given), named

    def after(name: str, layer: nn.Module, output: object) -> None:
        where = place(name, ended)
        if isinstance(output, GroupFeature) or (torch.is_tensor(output) and output.dim() > 1):
            calls[where] = Call(layer, *(kept if where == keep else ((), {})), copy(output))

    hooks = []
    for name, layer in layers_of(module):
        begin = lambda _, given, named, name=name: before(name, given, named)  # noqa: E731
        end = lambda layer, _, output, name=name: after(name, layer, output)  # noqa: E731
        hooks.append(layer.register_forward_pre_hook(begin, with_kwargs=True))
        hooks.append(layer.register_forward_hook(end))
    try:
        module(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return calls


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Any], Value]) -> None:
        super().__init__()
        self.function = function

    def forward(self, value: Value) -> Value:
        return self.function(value)


def constant(x: Tensor) -> bool:
    """Whether all images have the same values [B, …]."""
    return torch.equal(x, x[:1].expand_as(x))


def is_value(value: object) -> bool:
    return isinstance(value, (Tensor, GroupFeature))


def copy(value: Value) -> Value:
    """The same values, in memory of their own."""
    return value.map(torch.clone) if isinstance(value, GroupFeature) else value.clone()


def layers_of(module: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The layers in a module, by name, and the module itself."""
    if not isinstance(module, WHOLE):
        for child, layer in module.named_children():
            yield from layers_of(layer, f"{name}.{child}" if name else child)
    yield name, module


def compare(transform: Transform, still: Value, found: Value) -> Errors:
    """The errors of f(T x) against T f(x); infinite where the elements or the sizes differ."""
    try:
        expected = transform(still)
    except ValueError:  # the elements of the feature are not closed under T
        return Errors(inf, inf, inf)
    if values(expected).shape != values(found).shape:
        return Errors(inf, inf, inf)
    return errors(found, expected)


def why(call: Call, transform: Transform, tolerance: float) -> str:
    """Why a layer, whose inputs do not break the symmetry, or not in a layer, does."""
    if getattr(transform, "interpolates", False):
        return "interpolation: the transform moves values between the pixels"
    if not call.given or not is_value(call.given[0]):
        return "unknown: the layer has no input to look at"
    given: Value = call.given[0]
    try:
        alone = compare(transform, call.output, found := call.again(transform(given)))
    except (TypeError, ValueError) as error:
        return f"unknown: {error}"
    if alone.relative <= tolerance:
        return "the layer is exact: what is computed before it, outside of any layer, is not"
    if alone.relative == inf:
        return "the elements of the layer, or its size, change under the transform"
    maps = values(given)
    if rules := broken_rules(call.layer, maps):
        rows, columns = remainders(call.layer, maps)
        part = on_maps(given, lambda x: x[..., : x.shape[-2] - rows, : x.shape[-1] - columns])
        trimmed = compare(transform, call.again(part), call.again(transform(part)))
        if trimmed.relative <= tolerance:
            return f"stride rule: {', '.join(rules)}"
    if values(call.output).dim() > 3:
        inside = errors(on_maps(found, centre), on_maps(transform(call.output), centre))
        if inside.relative <= tolerance:
            return "border: the middle of the map is exact"
    return "the layer itself does not commute with the transform"


def on_maps(value: Value, function: Callable[[Tensor], Tensor]) -> Value:
    """A function of maps [..., H, W] applied to a value."""
    return value.map(function) if isinstance(value, GroupFeature) else function(value)


def centre(x: Tensor) -> Tensor:
    """Maps [..., H, W] without a quarter of their size at each side."""
    rows, columns = x.shape[-2] // 4, x.shape[-1] // 4
    return x[..., rows : x.shape[-2] - rows, columns : x.shape[-1] - columns]


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
