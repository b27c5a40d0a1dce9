"""What is wrong with a plain value, in our words: pydantic's complaints, a line each."""

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias, get_args, get_origin

from pydantic import ValidationError

from config_schema.complaints import hint, line

__all__ = ["Annotation", "reasons"]

Annotation: TypeAlias = Any
"""A type, or what typing makes of one."""

WORDS = {
    "Unexpected keyword argument": "without unknown keys",
    "Field required": "given, too",
    "Tuple should have at most": "a list of at most",
    "items after validation": "values",
    "a valid array": "a list",
    "a valid integer": "an integer",
    "a valid boolean": "True or False",
    "a valid": "a",
}
"""In pydantic's messages, and in ours."""


def reasons(
    key: str, value: object, annotation: Annotation, error: ValidationError
) -> Iterator[str]:
    """One line for each element that is wrong, with the alternatives of a union joined by "or"."""
    found: dict[tuple[int | str, ...], list[str]] = {}
    for each in error.errors():
        place = tuple(_steps(value, each["loc"]))
        message = each["msg"].removeprefix("Input should be ")
        for word, plain in WORDS.items():
            message = message.replace(word, plain)
        if message not in found.setdefault(place, []):
            found[place].append(message)
    words = [str(word) for word in _literals(annotation)]
    for place, alternatives in found.items():
        element: Any = value
        for step in place:
            element = element[step] if _has(element, step) else None
        where = key + "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in place)
        yield line(where, element, f"should be {' or '.join(alternatives)}{hint(element, words)}")


def _steps(value: Any, path: tuple[int | str, ...]) -> Iterator[int | str]:  # noqa: ANN401
    """The steps of an error's path that lead into the value; others name types of a union."""
    for number, step in enumerate(path):
        if _has(value, step):
            value = value[step]
            yield step
        elif isinstance(step, int) or (isinstance(value, dict) and number == len(path) - 1):
            yield step  # what is missing


def _has(value: object, step: int | str) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _literals(annotation: Annotation) -> Iterator[object]:
    origin: object = get_origin(annotation)
    if origin is Literal:
        yield from get_args(annotation)
    else:
        for argument in get_args(annotation):
            yield from _literals(argument)
