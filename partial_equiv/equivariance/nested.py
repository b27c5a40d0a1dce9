"""Values in tuples, lists and dictionaries: what modules take and give beside plain ones."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

from partial_equiv.equivariance.actions import Value
from partial_equiv.gconv import GroupFeature

__all__ = ["mapped", "parts"]


def mapped(function: Callable[[Value], Value], nest: Any) -> Any:  # noqa: ANN401
    """The same nest with a function of each value in place of the value; the rest stays.

    >>> import torch
    >>> mapped(lambda x: x + 1, {"scores": torch.tensor(1), "names": ("a", torch.tensor(2))})
    {'scores': tensor(2), 'names': ('a', tensor(3))}
    """
    if isinstance(nest, (Tensor, GroupFeature)):
        return function(nest)
    if isinstance(nest, dict):
        return {key: mapped(function, each) for key, each in nest.items()}
    if isinstance(nest, (tuple, list)):
        each = [mapped(function, part) for part in nest]
        return type(nest)(*each) if hasattr(nest, "_fields") else type(nest)(each)
    return nest


def parts(nest: object, place: str = "") -> Iterator[tuple[str, Value]]:
    """The values in a nest, each with its place in it: "[0]", "[scores]"; "" for a plain value.

    >>> import torch
    >>> [place for place, _ in parts((torch.zeros(1), {"scores": torch.zeros(1)}))]
    ['[0]', '[1][scores]']
    """
    if isinstance(nest, (Tensor, GroupFeature)):
        yield place, nest
    elif isinstance(nest, dict):
        for key, each in nest.items():
            yield from parts(each, f"{place}[{key}]")
    elif isinstance(nest, (tuple, list)):
        for number, each in enumerate(nest):
            yield from parts(each, f"{place}[{number}]")
