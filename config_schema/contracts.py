"""Contracts: what the `_target_` of a node must be, so that a config cannot name just anything.

A section states its contract as data; that of a node within it is the annotation of the parameter
that it is given to.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

__all__ = ["Contract", "nested"]

Annotation: TypeAlias = Any  # a type, or what typing makes of one


@dataclass(frozen=True)
class Contract:
    """What a node must name.

    Attributes:
        what: it is called in a message, with its article.
        base: the class that it is a subclass of, or the protocol whose members it has; None for a
            function.
        within: the package of ours that defines it; a package that the user has named will do.
        takes: arguments, one of which it must have.
        factory: whether the node says `_partial_: true`, because the program makes several.
        many: whether the section holds any number of such nodes, by names.
        asked: settings that its nodes may have beside the arguments of their targets, which are
            checked and left out: the argument that a target must take for them, and their type.
    """

    what: str
    base: type | None = None
    within: str = ""
    takes: tuple[str, ...] = ()
    factory: bool = False
    many: bool = False
    asked: Mapping[str, tuple[str, Annotation]] = field(default_factory=dict)

    def objection(self, target: Callable[..., Any], own: Sequence[str]) -> str | None:
        """Why a target is none of these, or None; `own` are packages that the user has named."""
        place = f"{target.__module__}."
        inside = any(place.startswith(f"{name}.") for name in (self.within, *own))
        fits = inspect.isclass(target) and _is_a(target, self.base) if self.base else False
        fits = fits or (self.base is None and inspect.isfunction(target))
        known = inspect.signature(target).parameters if fits else {}
        if fits and (inside or not self.within) and (not self.takes or {*self.takes} & {*known}):
            return None
        return f"should name {self.what}" + (f" of {self.within}" if self.within else "")


def nested(annotation: Annotation) -> Iterator[Contract]:
    """The contracts that a parameter's annotation allows for; none if it wants plain values."""
    origin: Annotation = get_origin(annotation)
    arguments = get_args(annotation)
    if origin is Annotated:
        yield from nested(arguments[0])
    elif origin in (Union, UnionType):
        for each in arguments:
            yield from nested(each)
    elif inspect.isclass(origin) and issubclass(origin, Sequence):
        yield from nested(arguments[0])
    elif inspect.isclass(origin) and issubclass(origin, Mapping):
        yield from nested(arguments[1])
    elif origin is Callable and inspect.isclass(arguments[-1]):
        yield Contract(f"a {arguments[-1].__name__}", arguments[-1], factory=True)
    elif inspect.isclass(annotation) and annotation.__module__ not in ("builtins", "pathlib"):
        yield Contract(f"a {annotation.__name__}", annotation)


def _is_a(target: type, base: type) -> bool:
    """Whether instances of a class can be made, and are of the base, or meet the protocol."""
    if inspect.isabstract(target) or getattr(target, "_is_protocol", False):
        return False
    if not getattr(base, "_is_protocol", False):
        return issubclass(target, base)
    members = {*vars(base), *inspect.get_annotations(base)}
    return all(hasattr(target, name) for name in members if not name.startswith("_"))
