r"""The meter: how far every layer of a module is from equivariance, which one breaks it first, and
why.

The module runs once on x and once on T x for each transform T, with a hook on every layer; layer l
has the error of f_l(T x) against T f_l(x). The first layer, in the order of the computation, whose
error exceeds the tolerance is then looked at alone. Where T moves values between the pixels nothing
is exact, and the first layer is named that loses more than interpolation takes.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from partial_equiv.equivariance.errors import Errors, values
from partial_equiv.equivariance.inputs import constant, first, moved_inputs, refuse_nothing
from partial_equiv.equivariance.layouts import Layouts, Transform
from partial_equiv.equivariance.reasons import Looking, compare
from partial_equiv.equivariance.recording import (
    Call,
    Function,
    Inputs,
    evaluating,
    label,
    record,
)
from partial_equiv.equivariance.report import LayerErrors, Report
from partial_equiv.equivariance.windowed import broken_function
from partial_equiv.refusal import Refusal

__all__ = ["Transform", "equivariance_error"]


def equivariance_error(
    module: nn.Module | Callable[..., Any],
    transforms: Transform | Sequence[Transform],
    inputs: Inputs,
    *,
    moved: Inputs | list[Inputs] | None = None,
    tolerance: float | None = None,
    layouts: Layouts | None = None,
) -> Report:
    """Measure the equivariance of a module, and of each of its layers, as they are in evaluation.

    Maps [B, C, H, W] move, group features too, and vectors [B, K] should stay. Tokens [B, N, C],
    maps with their channels last, videos and whatever else is not known to be one of these is not
    measured, and listed in the report, unless `layouts` says how it lies.

    Args:
        module: anything; what layers give beside tensors and features is not measured.
        transforms: T, functions of the inputs and of what each layer gives: an `Action`, all
            `actions` of a group, a `Shift`, or your own. They raise TypeError for a layer whose
            representation is not known to them, which is then not measured. Your own are also asked
            about tensors of which nothing is known.
        inputs: x, at least two different images [B, C, H, W], or a feature; or a tuple of the
            module's arguments, of which every tensor and feature is transformed.
        moved: T x, if it is known better than by interpolation; for several transforms a list.
        tolerance: largest relative error that counts as none; √ε of the inputs' precision if None.
        layouts: how tensors lie that are no maps, by the name of the layer that gives them:
            "output" is the module's own, "input" what it is given, and * stands for anything. A
            layout is a word such as "BHWC", or a function (see `layouts`).

    Raises:
        Refusal: if there are no transforms, not two images, images without a batch, or inputs
            that no transform moves; if the module gives all images the same output: there is no
            spread to compare an error with.

    >>> from partial_equiv import Cyclic, actions
    >>> net = nn.Sequential(nn.AvgPool2d(3, 1), nn.MaxPool2d(2))
    >>> x = torch.randn(2, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    >>> report = equivariance_error(net, actions(Cyclic(4)), x)
    >>> report.first_break.name, report.reason.rpartition("but ")[2]
    ('1', '(7 + 2·0 - 2) mod 2 = 1')
    """
    transforms = [transforms] if callable(transforms) else transforms
    layouts = {} if layouts is None else layouts
    if moved is None:
        moved = [moved_inputs(transform, inputs, layouts) for transform in transforms]
    moved = moved if isinstance(moved, list) else [moved]
    refuse_nothing(transforms, inputs, moved)
    module = module if isinstance(module, nn.Module) else Function(module)
    if tolerance is None:
        dtype = first(inputs).dtype
        precision = dtype if dtype.is_floating_point or dtype.is_complex else torch.float32
        tolerance = torch.finfo(precision).eps ** 0.5
    with evaluating(module):
        still, takes_gradients = first_run(module, inputs, layouts)
        with torch.set_grad_enabled(takes_gradients):
            return measured(module, transforms, inputs, moved, tolerance, layouts, still)


def measured(
    module: nn.Module,
    transforms: Sequence[Transform],
    inputs: Inputs,
    moved: Sequence[Inputs],
    tolerance: float,
    layouts: Layouts,
    still: dict[str, Call],
) -> Report:
    """The report on a module whose layers have been run on the inputs as they are.

    Args:
        module: to measure, in evaluation.
        transforms: T.
        inputs: x.
        moved: T x, for each transform.
        tolerance: largest relative error that counts as none.
        layouts: see `equivariance_error`.
        still: what each layer has read and given for x, by its name.

    Raises:
        Refusal: if the module gives all images the same output.
    """
    if "" in still and constant(values(still[""].output)):
        raise Refusal(
            "the module gives every image the same output: no spread to compare errors with"
        )
    found: dict[str, list[Errors]] = {name: [] for name in still}
    unmeasured: dict[str, str] = {}
    uncalled: set[str] = set()
    for transform, turned in zip(transforms, moved, strict=True):
        calls = record(module, turned, layouts)
        uncalled |= still.keys() - calls.keys()
        for name in [*found]:
            there = calls[name].output if name in calls else None
            try:
                found[name].append(compare(transform, still[name], there))
            except TypeError as error:
                del found[name]
                unmeasured[name] = str(error)
    layers = tuple(
        LayerErrors(name, type(still[name].layer).__name__, tuple(each))
        for name, each in found.items()
    )
    broken = [
        layer  # NaN is a break, too
        for layer in layers
        if not layer.each[layer.worst].relative <= tolerance
    ]
    left = {label(name): why for name, why in unmeasured.items()}
    if not broken:
        return Report(layers, None, "", left)
    if broken[0].name in uncalled:
        return Report(layers, broken[0], "it is not called for the transformed images", left)

    def function(transform: Transform) -> str | None:
        pairs = zip(transforms, moved, strict=True)
        there = next((each for known, each in pairs if known is transform), None)
        if there is None:
            return None
        return broken_function(module, inputs, there, transform, tolerance)

    before = [*still][: [*still].index(broken[0].name)]
    missing = [label(name) for name in before if name in unmeasured]
    looking = Looking(tolerance, missing, function)
    look = partial(record, module, inputs, layouts)
    return Report(layers, *explained(looking, look, still, broken, transforms), left)


def explained(
    looking: Looking,
    look: Callable[..., dict[str, Call]],
    still: dict[str, Call],
    broken: Sequence[LayerErrors],
    transforms: Sequence[Transform],
) -> tuple[LayerErrors, str]:
    """The layer that breaks the symmetry first, and why."""
    between = [layer for layer in broken if getattr(transforms[layer.worst], "interpolates", False)]
    earliest = broken[0]
    calls = look(keep={still[layer.name].name for layer in [earliest, *between]})
    call = calls.get(earliest.name)
    if call is None:
        return earliest, "it is called for some images and not for others"
    if not values(call.output).isfinite().all():
        return earliest, "it gives values that are not finite"
    if reason := looking.random(call, still[earliest.name].output):
        return earliest, reason
    if earliest not in between:
        return earliest, looking.why(call, transforms[earliest.worst])
    for layer in between:
        if layer.name in calls:
            reason = looking.exceeds(calls[layer.name], transforms[layer.worst])
            if reason:
                return layer, reason
    return earliest, (
        "interpolation: the transform moves values between the pixels, and no layer that is "
        "measured is seen to lose more than that takes"
    )


def first_run(module: nn.Module, inputs: Inputs, layouts: Layouts) -> tuple[dict[str, Call], bool]:
    """What the layers give, and whether the module takes gradients of its own while it runs."""
    with torch.no_grad():
        try:
            return record(module, inputs, layouts), False
        except RuntimeError:
            pass
    with torch.enable_grad():
        return record(module, inputs, layouts), True
