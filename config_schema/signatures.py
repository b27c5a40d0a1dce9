"""Checks a composed config against the signatures of the classes and functions that it names.

A node with `_target_` names a callable, and the callable's signature is the schema of the node: no
unknown argument, none missing, and every value as its annotation says (`Literal`, optional values,
ranges as in `partial_equiv.intervals`, lists, paths). `read` reports all problems at once, one line
each: key, value, what is allowed, the nearest name.
"""

import inspect
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, cast, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from config_schema.complaints import ConfigError, hint, line, unknown
from config_schema.components import Component, Made
from config_schema.targets import resolve
from partial_equiv.intervals import Interval
from run_folder import FromRun

__all__ = ["read", "read_plain"]

Annotation: TypeAlias = Any  # a type, or what typing makes of one
WORDS = {
    "Unexpected keyword argument": "without unknown keys",
    "Field required": "given, too",
    "Tuple should have at most": "a list of at most",
    "items after validation": "values",
    "a valid array": "a list",
    "a valid integer": "an integer",
    "a valid": "a",
}
SETTINGS: Mapping[str, Annotation] = {"seed": Annotated[int, Interval(0, 2**32 - 1)], "debug": bool}


def read(
    config: DictConfig, injected: Mapping[str, Collection[str]], several: Collection[str] = ()
) -> dict[str, Component]:
    """The components that a config names.

    Args:
        config: as composed.
        injected: the sections that a config has, and for each one the arguments that the
            constructors give it, which the config therefore need (and may) not contain.
        several: the sections that hold any number of components, each under a name of its own; in
            what is returned, that of `measure` under `angles` is called "measure.angles".

    Raises:
        ConfigError: naming every problem, one line each.
    """
    try:
        values = cast(
            dict[str, Any], OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
        )
    except OmegaConfBaseException as error:
        reason = (error.msg or str(error)).splitlines()[0]
        if isinstance(error, MissingMandatoryValue):
            reason = f"has to be given: {error.full_key}=…"
        raise ConfigError(f"{error.full_key or 'config'}: {reason}") from error
    problems: list[str] = []
    components: dict[str, Component] = {}
    known = [*injected, *SETTINGS]
    for name, value in values.items():
        if name in SETTINGS:
            _value(name, value, SETTINGS[name], (), problems)
        elif name not in injected:
            problems.append(unknown(name, value, "the config has", known))
        elif name in several:
            components |= _members(name, value, injected[name], problems)
        elif component := _component(name, value, injected[name], problems):
            components[name] = component
    problems += [f"{name}: is missing" for name in known if name not in values]
    if problems:
        raise ConfigError("\n".join(problems))
    return components


def read_plain(key: str, value: object, annotation: Annotation) -> Made:
    """A plain value as an annotation wants it: a mapping as a dataclass, a list as a tuple.

    Raises:
        ConfigError: naming every problem, one line each.
    """
    problems: list[str] = []
    found = _value(key, value, annotation, (), problems)
    if problems:
        raise ConfigError("\n".join(problems))
    return found


def _members(
    key: str, node: object, injected: Collection[str], problems: list[str]
) -> dict[str, Component]:
    """The components of a section that holds several."""
    if not isinstance(node, dict):
        problems.append(line(key, node, f"should be a list of options, as in {key}=[…]"))
        return {}
    found = {
        f"{key}.{name}": _component(f"{key}.{name}", each, injected, problems)
        for name, each in node.items()
    }
    return {name: component for name, component in found.items() if component}


def _component(
    key: str, node: object, injected: Collection[str], problems: list[str]
) -> Component | None:
    if not isinstance(node, dict) or "_target_" not in node:
        problems.append(line(key, node, "should name a class or function as _target_"))
        return None
    try:
        target = resolve(node["_target_"])
    except ValueError as error:
        problems.append(line(f"{key}._target_", node["_target_"], str(error)))
        return None
    partial = node.get("_partial_", False)
    if not isinstance(partial, bool):
        problems.append(line(f"{key}._partial_", partial, "should be true or false"))
    given = {name: value for name, value in node.items() if name not in ("_target_", "_partial_")}
    parameters = dict(inspect.signature(target).parameters)
    kinds = {parameter.kind for parameter in parameters.values()}
    annotations = _annotations(target)
    arguments = {}
    for name, value in given.items():
        where = f"{key}.{name}"
        if name in injected and name in parameters:
            problems.append(line(where, value, "is set by the program, leave it out"))
        elif name in parameters:
            annotation = annotations.get(name, Any)
            arguments[name] = _value(where, value, annotation, injected, problems)
        elif inspect.Parameter.VAR_KEYWORD in kinds:
            arguments[name] = value
        else:
            options = [each for each in parameters if each not in injected]
            problems.append(unknown(where, value, f"{target.__name__} takes", options))
    required = (
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    )
    if not partial:
        problems += [
            f"{key}.{name}: {target.__name__} requires it"
            for name in required
            if name not in given and name not in injected
        ]
    return Component(key, target, arguments, bool(partial))


def _annotations(target: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(
            target.__init__ if inspect.isclass(target) else target, include_extras=True
        )
    except NameError:  # an annotation that only a type checker can see, in code that is not ours
        return {}


def _value(
    key: str,
    value: object,
    annotation: Annotation,
    injected: Collection[str],
    problems: list[str],
) -> object:
    """A component, or the value as its annotation wants it: a list as a tuple, a word as a path."""
    if _is_from_run(annotation):
        optional = type(None) in get_args(get_args(annotation)[0])
        return _value(key, value, Path | None if optional else Path, injected, problems)
    if isinstance(value, dict) and "_target_" in value:
        component = _component(key, value, injected, problems)
        if component and _is_other_class(component, annotation):
            reason = f"should name a {annotation.__name__}"
            problems.append(line(f"{key}._target_", value["_target_"], reason))
        return component
    if isinstance(value, list) and any(isinstance(e, dict) and "_target_" in e for e in value):
        places = (f"{key}[{i}]" for i in range(len(value)))
        return [_value(*each, Any, injected, problems) for each in zip(places, value, strict=True)]
    try:
        plain = ConfigDict(strict=True, allow_inf_nan=False)
        adapter = TypeAdapter(annotation, config=None if is_dataclass(annotation) else plain)
    except PydanticUserError:  # a type that no plain value can have
        if inspect.isclass(annotation):
            reason = f"should name a {annotation.__name__} as _target_"
            problems.append(line(key, value, reason))
        return value
    try:
        return adapter.validate_json(
            json.dumps(value), strict=True
        )  # as JSON, a list may be a tuple
    except ValidationError as error:
        problems += _reasons(key, value, annotation, error)
        return value


def _is_from_run(annotation: Annotation) -> bool:
    """Whether an argument is the trained net of a run, which a config gives as the run's folder."""
    return any(isinstance(each, FromRun) for each in getattr(annotation, "__metadata__", ()))


def _is_other_class(component: Component, annotation: Annotation) -> bool:
    return (
        inspect.isclass(annotation)
        and inspect.isclass(component.target)
        and not component.partial
        and not getattr(annotation, "_is_protocol", False)
        and not issubclass(component.target, annotation)
    )


def _reasons(
    key: str, value: object, annotation: Annotation, error: ValidationError
) -> Iterator[str]:
    """One line for each element that is wrong, with the alternatives of a union joined by "or"."""
    reasons: dict[tuple[int | str, ...], list[str]] = {}
    for each in error.errors():
        place = tuple(_steps(value, each["loc"]))
        message = each["msg"].removeprefix("Input should be ")
        for word, plain in WORDS.items():
            message = message.replace(word, plain)
        if message not in reasons.setdefault(place, []):
            reasons[place].append(message)
    words = [str(word) for word in _literals(annotation)]
    for place, alternatives in reasons.items():
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
