r"""The meter: how far every layer of a module is from equivariance, which one breaks it first, and
why.

The module runs once on x and once on T x for each transform T, with a hook on every layer; layer l
has the error of f_l(T x) against T f_l(x). The first layer, in the order of the computation, whose
error exceeds the tolerance is then looked at alone.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import torch
from torch import Tensor, nn

from partial_equiv.equivariance.actions import Value
from partial_equiv.equivariance.errors import Errors, errors, values
from partial_equiv.equivariance.nested import mapped, parts
from partial_equiv.equivariance.recording import Call, Function, Inputs, evaluating, record
from partial_equiv.equivariance.report import LayerErrors, Report
from partial_equiv.equivariance.strides import broken_rules, remainders
from partial_equiv.gconv import GroupFeature
from partial_equiv.refusal import Refusal

__all__ = ["Transform", "equivariance_error"]

Transform = Callable[[Value], Value]


@torch.no_grad()
def equivariance_error(
    module: nn.Module | Callable[..., Any],
    transforms: Transform | Sequence[Transform],
    inputs: Inputs,
    *,
    moved: Inputs | list[Inputs] | None = None,
    tolerance: float | None = None,
) -> Report:
    """Measure the equivariance of a module, and of each of its layers, as they are in evaluation.

    Args:
        module: anything; what layers give beside tensors and features is not measured.
        transforms: T, functions of the inputs and of what each layer gives: an `Action`, all
            `actions` of a group, or your own. They raise TypeError for a layer whose representation
            is not known to them, which is then not measured.
        inputs: x, at least two different images [B, C, H, W], or a feature; or a tuple of the
            module's arguments, of which every tensor and feature is transformed.
        moved: T x, if it is known better than by interpolation; for several transforms a list.
        tolerance: largest relative error that counts as none; √ε of the inputs' precision if None.

    Raises:
        ValueError: if there are no transforms, not two images, images without a batch, or if the
            module gives all images the same output: there is no spread to compare an error with.

    >>> from partial_equiv import Cyclic, actions
    >>> net = nn.Sequential(nn.AvgPool2d(3, 1), nn.MaxPool2d(2))
    >>> x = torch.randn(2, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    >>> report = equivariance_error(net, actions(Cyclic(4)), x)
    >>> report.first_break.name, report.reason
    ('1', 'stride rule: (7 + 2·0 - 2) mod 2 = 1')
    """
    transforms = [transforms] if callable(transforms) else transforms
    if moved is None:
        moved = [mapped(transform, inputs) for transform in transforms]
    moved = moved if isinstance(moved, list) else [moved]
    refuse_nothing(transforms, inputs, moved)
    module = module if isinstance(module, nn.Module) else Function(module)
    if tolerance is None:
        dtype = first(inputs).dtype
        precision = dtype if dtype.is_floating_point or dtype.is_complex else torch.float32
        tolerance = torch.finfo(precision).eps ** 0.5
    with evaluating(module):
        still = record(module, inputs)
        if "" in still and constant(values(still[""].output)):
            raise Refusal(
                "the module's output is the same for every image: no spread to compare with"
            )
        found: dict[str, list[Errors]] = {name: [] for name in still}
        for transform, turned in zip(transforms, moved, strict=True):
            calls = record(module, turned)
            for name, each in list(found.items()):
                there = calls[name].output if name in calls else None
                try:
                    each.append(compare(transform, still[name].output, there))
                except TypeError:
                    del found[name]
        layers = tuple(
            LayerErrors(name, type(still[name].layer).__name__, tuple(each))
            for name, each in found.items()
        )
        for layer in layers:
            if not layer.each[layer.worst].relative <= tolerance:  # NaN is a break
                name = still[layer.name].name
                call = record(module, inputs, keep=name).get(layer.name)
                return Report(layers, layer, why(call, transforms[layer.worst], tolerance))
    return Report(layers, None, "")


def refuse_nothing(
    transforms: Sequence[Transform], inputs: Inputs, moved: Sequence[Inputs]
) -> None:
    """Raise ValueError if there is nothing to measure on, or with."""
    if not transforms:
        raise Refusal("one at least", transforms="[]")
    if len(moved) != len(transforms):
        raise Refusal(f"moved: {len(moved)} for {len(transforms)} transforms")
    x = first(inputs)
    if not x.dim() or len(x) < 2:
        raise Refusal(f"inputs: of shape {list(x.shape)}, two different images at least")
    if x.dim() == 3 and all(torch.equal(first(each), x) for each in moved):
        raise Refusal(
            f"inputs: of shape {list(x.shape)}, which no transform moves; images are [B, C, H, W]"
        )


def first(inputs: Inputs) -> Tensor:
    """The first values among the inputs; ValueError if there are none."""
    for _, value in parts(inputs):
        return values(value)
    raise Refusal(f"inputs: no tensor or feature in {type(inputs).__name__}")


def constant(x: Tensor) -> bool:
    """Whether all images have the same values [B, …]."""
    return torch.equal(x, x[:1].expand_as(x))


def compare(transform: Transform, still: Value, found: Value | None) -> Errors:
    """The errors of f(T x) against T f(x); infinite where elements or sizes differ, or it lacks."""
    try:
        expected = transform(still)
    except ValueError:  # the elements of the feature are not closed under T
        return Errors(inf, inf, inf)
    if found is None or values(expected).shape != values(found).shape:
        return Errors(inf, inf, inf)
    return errors(found, expected)


def why(call: Call | None, transform: Transform, tolerance: float) -> str:
    """Why a layer, whose inputs do not break the symmetry, or not in a layer, does."""
    if call is None:
        return "unknown: the layer is not called again"
    if not values(call.output).isfinite().all():
        return "it gives values that are not finite"
    if getattr(transform, "interpolates", False):
        return "interpolation: the transform moves values between the pixels"
    if call.read is None:
        return "unknown: the layer has no input to look at"
    try:
        alone = compare(transform, call.output, found := call.again(transform))
    except (TypeError, ValueError) as error:
        return f"unknown: {error}"
    if alone.relative <= tolerance:
        return "the layer is exact: what is computed before it, outside of any layer, is not"
    if alone.relative == inf:
        return "the elements of the layer, or its size, change under the transform"
    maps = values(call.read)
    if rules := broken_rules(call.layer, maps):
        rows, columns = remainders(call.layer, maps)

        def trim(value: Value) -> Value:
            return on_maps(value, lambda x: x[..., : x.shape[-2] - rows, : x.shape[-1] - columns])

        turned = call.again(lambda value: transform(trim(value)))
        if compare(transform, call.again(trim), turned).relative <= tolerance:
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
