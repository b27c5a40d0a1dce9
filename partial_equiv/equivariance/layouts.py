"""How a tensor lies: which of its axes are the rows and columns of a map.

A layout is a word with a letter for each axis. B are the images, H and W the rows and columns of a
map, which a transform moves; all others stay: "BHWC" is a map with its channels last, "BCTHW" a
video, "BNC" are tokens that say the same whatever is done to the image. G are the elements of the
transform's finite group, in its order: "BCGHW" is a regular feature. Tensors that no word describes
take a function layout(move, tensor), where `move` moves maps [B, C, H, W].
"""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import TypeAlias

import torch
from torch import Tensor

from partial_equiv.equivariance.actions import Action, Value
from partial_equiv.equivariance.shift import Shift
from partial_equiv.gconv import GroupFeature
from partial_equiv.groups import Finite
from partial_equiv.refusal import Refusal

__all__ = ["MAP", "VECTOR", "Layout", "Layouts", "Transform", "chosen", "move"]

Transform: TypeAlias = Callable[[Value], Value]
Layout: TypeAlias = str | Callable[[Transform, Tensor], Tensor]
Layouts: TypeAlias = Mapping[str, Layout]

MAP, VECTOR = "BCHW", "BK"


def chosen(layouts: Layouts, name: str, tensor: Tensor) -> Layout | None:
    """The layout that a user gave for what a layer, or the module ("output"), gives.

    Keys are names, or patterns with * for several; the first that fits counts. A word fits tensors
    of as many axes as it has letters.
    """
    for pattern, layout in layouts.items():
        fits = callable(layout) or len(layout) == tensor.dim()
        if fits and (name == pattern or fnmatchcase(name, pattern.replace("[", "[[]"))):
            return layout
    return None


def move(transform: Transform, value: Value, layout: Layout | None) -> Value:
    """T·value, for a value that lies so; None if nobody knows, which your own transforms may.

    Raises:
        TypeError: if it is not known how the transform moves the value.
        Refusal: as the transform does; if a word repeats a letter, or has H without W.
    """
    if isinstance(value, GroupFeature):
        return transform(value)
    if callable(layout):
        return layout(transform, value)
    if layout is None and isinstance(transform, (Action, Shift)):
        raise TypeError(
            f"it is not known how a tensor of shape {list(value.shape)} lies, layouts can say it"
        )
    if layout in (None, MAP, VECTOR):
        return transform(value)
    return moved_by_word(transform, value, layout)


def moved_by_word(transform: Transform, tensor: Tensor, word: str) -> Tensor:
    """T·tensor, its axes named by the letters of a word.

    Raises:
        Refusal: for a word that does not start with B, repeats a letter, or has H without W.
        TypeError: if G are not the elements of a finite group that the transform is of.
    """
    if len(set(word)) != len(word) or ("H" in word) != ("W" in word) or word[:1] != "B":
        raise Refusal(
            f"layout={word!r}: a layout starts with B, names each axis once, and H with W"
        )
    if "H" not in word:
        return tensor
    last = [letter for letter in "CGHW" if letter in word]
    order = [letter for letter in word if letter not in last] + last
    there = [word.index(letter) for letter in order]
    x = tensor.permute(there)
    if "C" not in word:
        x, last = x.unsqueeze(-len(last) - 1), ["C", *last]
    stack = x.shape[: x.dim() - len(last)]
    x = x.flatten(0, len(stack) - 1)
    if "G" in word:
        group = transform.group if isinstance(transform, Action) else None
        if not isinstance(group, Finite) or group.size != x.shape[2]:
            raise TypeError(f"layout={word!r}: G are the elements of a finite group, in its order")
        elements = group.elements(torch.float64, x.device)
        moved = transform(GroupFeature(x, elements[None], group=group))
        assert isinstance(moved, GroupFeature)
        x = moved.x
    else:
        moved = transform(x)
        assert isinstance(moved, Tensor)
        x = moved
    x = x.unflatten(0, stack)
    if "C" not in word:
        x = x.squeeze(-len(last))
    return x.permute([order.index(letter) for letter in word])
