"""Pools and convolutions that a module calls as functions, and which of them break the stride
rule: no layer, and so no hook, tells of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from partial_equiv.equivariance.errors import errors
from partial_equiv.equivariance.layouts import Transform
from partial_equiv.equivariance.nested import mapped
from partial_equiv.equivariance.recording import Inputs, copy
from partial_equiv.equivariance.strides import both

__all__ = ["broken_function"]

ARGUMENTS = {
    "conv2d": "input weight bias stride padding dilation groups",
    "max_pool2d": "input kernel_size stride padding dilation ceil_mode return_indices",
    "avg_pool2d": "input kernel_size stride padding ceil_mode count_include_pad divisor_override",
    "lp_pool2d": "input norm_type kernel_size stride ceil_mode",
}


@dataclass(frozen=True)
class Windowed:
    """A call of such a function that breaks the stride rule.

    Attributes:
        function: that was called, as function(given, *rest, **named).
        given: the maps that it read.
        rules: that it breaks, in numbers.
        remainders: the rows and columns beyond its last window.
    """

    function: Callable[..., Any]
    given: Tensor
    rest: tuple[Any, ...]
    named: dict[str, Any]
    rules: tuple[str, ...]
    remainders: tuple[int, int]

    def __call__(self, maps: Tensor) -> Tensor:
        """What the function gives on other maps."""
        out = self.function(maps, *self.rest, **self.named)
        return out if isinstance(out, Tensor) else out[0]

    @property
    def trimmed(self) -> Tensor:
        """The maps that it read, without what lies beyond its last window."""
        rows, columns = self.remainders
        return self.given[..., : self.given.shape[-2] - rows, : self.given.shape[-1] - columns]


class Watcher(TorchFunctionMode):
    """Collects the calls that break the rule while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Windowed] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        named = dict(kwargs or {})
        name = getattr(func, "__name__", "").lstrip("_")
        if name in ARGUMENTS:
            self._look(func, name, args, named)
        return func(*args, **named)

    def _look(
        self, func: Callable[..., Any], name: str, args: tuple[Any, ...], named: dict[str, Any]
    ) -> None:
        given = dict(zip(ARGUMENTS[name].split(), args, strict=False)) | named
        x = given["input"]
        if x.dim() != 4:
            return
        kernel_size = (
            tuple(given["weight"].shape[-2:]) if name == "conv2d" else given["kernel_size"]
        )
        stride = given.get("stride") or (1 if name == "conv2d" else kernel_size)
        found = both(kernel_size, stride, given.get("padding", 0), given.get("dilation", 1))
        axes = [*zip(found, x.shape[-2:], strict=True)]
        rows, columns = (axis.remainder(size) for axis, size in axes)
        if not (rows or columns):
            return
        rules = dict.fromkeys(axis.rule(size) for axis, size in axes if axis.remainder(size))
        rest, others = args[1:], {key: each for key, each in named.items() if key != "input"}
        self.found.append(
            Windowed(func, x.detach().clone(), rest, others, (*rules,), (rows, columns))
        )


def watched(module: nn.Module, inputs: Inputs) -> list[Windowed]:
    """The calls that break the rule while a module runs."""
    with Watcher() as watcher:
        module(*mapped(copy, inputs if isinstance(inputs, tuple) else (inputs,)))
    return watcher.found


def broken_function(
    module: nn.Module, inputs: Inputs, moved: Inputs, transform: Transform, tolerance: float
) -> str | None:
    """The stride rule in numbers, for the first function that breaks the symmetry by it alone.

    It reads T·y where it read y, does not give T of what it gave, and would if the rule held.
    """

    def near(one: Tensor, other: Tensor) -> bool:
        return one.shape == other.shape and errors(one, other).relative <= tolerance

    def moves(maps: Tensor) -> Tensor:
        value = transform(maps)
        assert isinstance(value, Tensor)
        return value

    for still, turned in zip(watched(module, inputs), watched(module, moved), strict=False):
        if len(still.given) != len(turned.given) or len(still.given) < 2:
            continue
        try:
            reads = near(turned.given, moves(still.given))
            gives = near(turned(turned.given), moves(still(still.given)))
            would = near(still(moves(still.trimmed)), moves(still(still.trimmed)))
        except (TypeError, ValueError):  # it is not known how these maps move
            continue
        if reads and would and not gives:
            name = getattr(still.function, "__name__", "").lstrip("_")
            return f"{name}: {', '.join(still.rules)}"
    return None
