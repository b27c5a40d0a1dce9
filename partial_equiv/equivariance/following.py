"""Which tensors are maps [B, C, H, W]: followed through all that torch computes in a module.

A tensor of four axes may as well hold channels last, tokens in heads, or attention between tokens.
What the module is given is known; an operation then passes on what it reads, unless it moves the
axes; and what a two-dimensional convolution or pool reads is a map whatever came before.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from partial_equiv.equivariance.layouts import Layout

__all__ = ["Axes", "Follower", "tensors"]


class Axes(Enum):
    """What the axes of a tensor are."""

    MAP = "[B, C, H, W]"
    FEATURE = "[B, C, G, H, W]"
    OTHER = "they were moved"
    UNKNOWN = "nobody saw it come about"


READ_MAPS = frozenset(
    (
        "conv2d",
        "conv_transpose2d",
        "max_pool2d",
        "max_pool2d_with_indices",
        "avg_pool2d",
        "lp_pool2d",
        "batch_norm",
        "adaptive_avg_pool2d",
        "adaptive_max_pool2d",
        "fractional_max_pool2d",
        "instance_norm",
        "group_norm",
        "interpolate",
        "grid_sample",
        "pixel_shuffle",
        "pixel_unshuffle",
    )
)
MOVE_AXES = frozenset(
    (
        "permute",
        "transpose",
        "movedim",
        "moveaxis",
        "swapaxes",
        "swapdims",
        "t",
        "adjoint",
        "T",
        "mT",
        "H",
        "mH",
        "unfold",
        "stack",
        "unbind",
        "matmul",
        "__matmul__",
        "__rmatmul__",
        "mm",
        "bmm",
        "baddbmm",
        "addmm",
        "tensordot",
        "einsum",
        "linear",
        "bilinear",
        "embedding",
        "scaled_dot_product_attention",
        "multi_head_attention_forward",
    )
)
RESHAPE = frozenset(
    ("view", "reshape", "flatten", "unflatten", "view_as", "reshape_as", "contiguous")
)


class Kind:
    """A note of what a tensor is, which what happens to it later may correct.

    Attributes:
        axes: what its axes are.
        layout: how it lies, if the user said it.
    """

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        self.layout: Layout | None = None


class Follower(TorchFunctionMode):
    """Notes the axes of all tensors that torch's functions give while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self._kinds = WeakIdKeyDictionary()

    def kind(self, tensor: Tensor) -> Kind:
        """The note on a tensor."""
        kind = self._kinds.get(tensor)
        if kind is None:
            kind = self._kinds[tensor] = Kind(Axes.UNKNOWN)
        assert isinstance(kind, Kind)
        return kind

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        out = func(*args, **(kwargs or {}))
        given = [*tensors((args, kwargs))]
        name = called(func)
        if name in READ_MAPS and given and given[0].dim() == 4:
            self.kind(given[0]).axes = Axes.MAP
        for tensor in tensors(out):
            if not any(tensor is each for each in given):  # nor one that was written into
                axes = self._follows(name, given, tensor)
                if axes is not Axes.UNKNOWN:
                    self.kind(tensor).axes = axes
        return out

    def _follows(self, name: str, given: list[Tensor], out: Tensor) -> Axes:
        """The axes of what a function gives, by those of what it read."""
        if name in READ_MAPS and out.dim() == 4 and given and given[0].dim() == 4:
            return Axes.MAP
        read = {self._kinds[each].axes: each for each in given if each in self._kinds}
        moved = name in MOVE_AXES
        for axes in (Axes.FEATURE, Axes.MAP):
            if axes not in read or moved or (name in RESHAPE and out.shape != read[axes].shape):
                continue
            if out.dim() == 5 and axes is Axes.FEATURE:
                return Axes.FEATURE
            if out.dim() == 4:
                return Axes.MAP
        return Axes.OTHER if set(read) - {Axes.UNKNOWN} else Axes.UNKNOWN


def called(func: Callable[..., Any]) -> str:
    """The name of a function of torch, or of the property that it gets."""
    name = getattr(func, "__name__", "")
    return getattr(getattr(func, "__self__", None), "__name__", "") if name == "__get__" else name


def tensors(nest: object) -> Iterator[Tensor]:
    """The tensors in nested tuples, lists and dictionaries."""
    if isinstance(nest, Tensor):
        yield nest
    elif isinstance(nest, dict):
        for each in nest.values():
            yield from tensors(each)
    elif isinstance(nest, (tuple, list)):
        for each in nest:
            yield from tensors(each)
