"""What operations of torch cost before they are carried out: shapes and multiplications.

A result's shape comes from the same operation on tensors without data (device "meta"). Of products
and convolutions it is worked out here: torch has these in Python, where they import its compiler,
which takes seconds; so does its table of multiplications, which is only looked into for attention.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._pytree import tree_leaves, tree_map_only

__all__ = ["at_most", "is_small", "multiplications", "shaped", "tensors_in"]

SMALL = 10_000  # numbers of a tensor, whose products are nothing to think about
PRODUCTS = {getattr(torch.ops.aten, name) for name in ("mm", "mv", "addmm", "bmm", "baddbmm")}
CONVOLUTION = torch.ops.aten.convolution
SUMMED = ("cat", "native_", "index_copy", "index_add", "index_put", "scatter")  # native: norms
"""Operations, by the start of their names, with results no larger than their tensors together."""
TRANSPOSED = 6  # where it stands among the arguments of a convolution


def tensors_in(values: object) -> list[Tensor]:
    """The tensors among arguments or results."""
    return [each for each in tree_leaves(values) if isinstance(each, Tensor)]


def is_small(args: Sequence[object], kwargs: dict[str, object]) -> bool:
    """Whether an operation has small tensors and small numbers to make its result of."""
    for value in tree_leaves((args, kwargs)):
        if isinstance(value, Tensor):
            if value.numel() > SMALL:
                return False
        elif isinstance(value, int) and value > SMALL // 100:
            return False
    return True


def at_most(func: OpOverload, args: Sequence[object]) -> float:
    """Bytes that a result in float64 has at most, as far as the operation's kind tells; or inf."""
    name, tensors = func._overloadpacket.__name__, tensors_in(args)
    if name.startswith(SUMMED):
        return 8.0 * sum(each.numel() for each in tensors)
    if name.startswith(("max_pool", "avg_pool")):
        return 16.0 * tensors[0].numel()  # with indices
    tagged = not {tag.name for tag in func.tags}.isdisjoint(("pointwise", "reduction"))
    if tensors and (tagged or name.endswith("_like")):
        return 8.0 * torch.broadcast_tensors(*tensors)[0].numel()
    return math.inf


def shaped(func: OpOverload, args: Sequence[Any], kwargs: dict[str, object]) -> object:
    """The result of an operation without its data, or None if they decide upon its shape."""
    try:
        if func._overloadpacket in PRODUCTS:
            first, second = tensors_in(args)[-2:]
            shape = first.shape[:-1] + second.shape[1:][-1:]
            return torch.empty(shape, dtype=first.dtype, device="meta")
        if func._overloadpacket is CONVOLUTION:
            return torch.empty(_convolved(*args), dtype=tensors_in(args)[0].dtype, device="meta")
        args, kwargs = tree_map_only(Tensor, lambda each: each.to("meta"), (args, kwargs))
        if "device" in kwargs:
            kwargs = {**kwargs, "device": "meta"}
        return func(*args, **kwargs)
    except RuntimeError:  # among them NotImplementedError: "meta" has not every operation
        return None


def multiplications(
    func: OpOverload, args: Sequence[object], kwargs: dict[str, object], result: object
) -> float:
    """Those of products, convolutions and attention, whose result has the shape of `result`."""
    if not isinstance(result, Tensor):
        return _of_attention(func, args, kwargs, result)
    if func._overloadpacket in PRODUCTS:
        return float(result.numel() * tensors_in(args)[-2].shape[-1])
    if func._overloadpacket is CONVOLUTION:
        images, filters = tensors_in(args)[:2]
        each = images if args[TRANSPOSED] else result
        return float(each.numel() * filters[0].numel())
    return _of_attention(func, args, kwargs, result)


def _of_attention(
    func: OpOverload, args: Sequence[object], kwargs: dict[str, object], result: object
) -> float:
    if result is None or "attention" not in func._overloadpacket.__name__:
        return 0.0
    from torch.utils.flop_counter import flop_registry  # imports Triton, where that is installed

    formula = flop_registry.get(func._overloadpacket)
    return formula(*args, **kwargs, out_val=result) / 2 if formula else 0.0


def _convolved(
    images: Tensor,
    filters: Tensor,
    bias: Tensor | None,
    strides: Sequence[int],
    paddings: Sequence[int],
    dilations: Sequence[int],
    transposed: bool,
    further: Sequence[int],
    groups: int,
) -> list[int]:
    """The shape [B, C_out, …] of images [B, C_in, …] that are convolved."""
    sizes = []
    each = (images.shape[2:], filters.shape[2:], strides, paddings, dilations, further)
    for size, taps, stride, padding, dilation, added in zip(*each, strict=True):
        reach = dilation * (taps - 1) + 1
        if transposed:
            sizes.append((size - 1) * stride - 2 * padding + reach + added)
        else:
            sizes.append((size + 2 * padding - reach) // stride + 1)
    channels = filters.shape[1] * groups if transposed else filters.shape[0]
    return [images.shape[0], channels, *sizes]
