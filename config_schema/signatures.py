"""Checks a composed config against the signatures of the classes and functions that it names.

A node with `_target_` names a callable, which must meet the contract of its place (`contracts`).
The callable's signature is the schema of the node: no unknown argument, none missing, and every
value as its annotation says (`Literal`, optional values, ranges as in `partial_equiv.intervals`,
lists, paths). `read` reports all problems at once, one line each: key, value, what is allowed, the
nearest name.
"""

import inspect
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Annotated, Any, cast, get_args, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import (
    ConfigDict,
    PydanticUserError,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from config_schema.complaints import ConfigError, line, unknown
from config_schema.components import Component, Made
from config_schema.contracts import Contract, nested
from config_schema.targets import resolve
from config_schema.values import Annotation, reasons
from from_run import is_from_run
from partial_equiv.intervals import Interval

__all__ = ["read", "read_plain"]

PACKAGE = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]
SETTINGS: Mapping[str, Annotation] = {
    "seed": Annotated[int, Interval(0, 2**32 - 1)],
    "debug": bool,
    "test": bool,
    "packages": list[PACKAGE],
}


def read(
    config: DictConfig,
    injected: Mapping[str, Collection[str]],
    contracts: Mapping[str, Contract],
) -> dict[str, Component]:
    """The components that a config names.

    Args:
        config: as composed.
        injected: the sections that a config has, and for each one the arguments that the
            constructors give it, which the config therefore need (and may) not contain.
        contracts: what each section must name. A section of many gives a component `section.name`
            for each.

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
    values.setdefault("packages", [])
    values.setdefault("test", True)  # a run folder may be older than the setting
    reader = _Reader()
    problems = reader.problems
    known = [*injected, *SETTINGS]
    for name in SETTINGS.keys() & values.keys():
        reader.value(name, values[name], SETTINGS[name], ())
    reader.own = () if problems else tuple(values["packages"])
    needed = (name for name in known if name not in contracts or not contracts[name].many)
    problems += [f"{name}: is missing" for name in needed if name not in values]
    components = {}
    for name, value in values.items():
        if name in SETTINGS:
            continue
        if name not in injected:
            problems.append(unknown(name, value, "the config has", known))
            continue
        reader.asked = contracts[name].asked
        many = contracts[name].many and isinstance(value, dict)
        nodes = {f"{name}.{each}": value[each] for each in value} if many else {name: value}
        for key, node in nodes.items():
            if component := reader.component(key, node, injected[name], [contracts[name]]):
                components[key] = component
    if problems:
        raise ConfigError("\n".join(problems))
    return components


def read_plain(key: str, value: object, annotation: Annotation) -> Made:
    """A plain value as an annotation wants it: a mapping as a dataclass, a list as a tuple.

    Raises:
        ConfigError: naming every problem, one line each.
    """
    reader = _Reader()
    found = reader.value(key, value, annotation, ())
    if reader.problems:
        raise ConfigError("\n".join(reader.problems))
    return found


@dataclass
class _Reader:
    """Reads nodes and collects what is wrong with them; `own` are packages of the user's, `asked`
    is that of the section's contract."""

    own: tuple[str, ...] = ()
    asked: Mapping[str, tuple[str, Annotation]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def component(
        self, key: str, node: object, injected: Collection[str], contracts: Sequence[Contract]
    ) -> Component | None:
        """The component of a node, if it meets one of the contracts."""
        problems = self.problems
        if not isinstance(node, dict) or "_target_" not in node:
            problems.append(line(key, node, f"should name {contracts[0].what} as _target_"))
            return None
        if (target := self._target(key, node, contracts)) is None:
            return None
        given = {name: each for name, each in node.items() if name not in ("_target_", "_partial_")}
        parameters = dict(inspect.signature(target).parameters)
        asked = {name: kind for name, (of, kind) in self.asked.items() if of in parameters}
        kinds = {parameter.kind for parameter in parameters.values()}
        annotations = _annotations(target)
        arguments = {}
        for name, value in given.items():
            where = f"{key}.{name}"
            if name in injected and name in parameters:
                problems.append(line(where, value, "is set by the program, leave it out"))
            elif name in parameters:
                arguments[name] = self.value(where, value, annotations.get(name, Any), injected)
            elif name in asked:
                self.value(where, value, asked[name], injected)
            elif inspect.Parameter.VAR_KEYWORD in kinds:
                arguments[name] = value
            else:
                options = [each for each in (*parameters, *asked) if each not in injected]
                problems.append(unknown(where, value, f"{target.__name__} takes", options))
        partial = contracts[0].factory
        if not partial:
            problems += [
                f"{key}.{name}: {target.__name__} requires it"
                for name, parameter in parameters.items()
                if parameter.default is parameter.empty
                and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
                and name not in given
                and name not in injected
            ]
        return Component(key, target, arguments, partial)

    def _target(
        self, key: str, node: Mapping[str, object], contracts: Sequence[Contract]
    ) -> Callable[..., Any] | None:
        """What a node names, if one of the contracts allows it there."""
        path, partial = node["_target_"], node.get("_partial_", False)
        where = f"{key}._target_"
        if not contracts:
            self.problems.append(line(where, path, "should be a plain value, without _target_"))
            return None
        try:
            target = resolve(path, self.own)
        except ValueError as error:
            self.problems.append(line(where, path, str(error)))
            return None
        objections = [each.objection(target, self.own) for each in contracts]
        if None not in objections:
            reasons = " or ".join(dict.fromkeys(map(str, objections)))
            self.problems.append(line(where, path, reasons))
            return None
        if partial is not contracts[0].factory:
            reason = f"should be {str(contracts[0].factory).lower()}"
            self.problems.append(line(f"{key}._partial_", partial, reason))
            return None
        return target

    def value(
        self, key: str, value: object, annotation: Annotation, injected: Collection[str]
    ) -> object:
        """A component, or the value as its annotation wants it: a list as a tuple, a word as a
        path."""
        if is_from_run(annotation):
            optional = type(None) in get_args(get_args(annotation)[0])
            return self.value(key, value, Path | None if optional else Path, injected)
        if _is_node(value):
            return self.component(key, value, injected, list(nested(annotation)))
        if isinstance(value, list) and any(_is_node(each) for each in value):
            return [
                self.component(f"{key}[{i}]", each, injected, list(nested(annotation)))
                for i, each in enumerate(value)
            ]
        try:
            plain = ConfigDict(strict=True, allow_inf_nan=False)
            adapter = TypeAdapter(annotation, config=None if is_dataclass(annotation) else plain)
        except PydanticUserError:  # a type that no plain value can have
            if contracts := list(nested(annotation)):
                reason = f"should name {contracts[0].what} as _target_"
                self.problems.append(line(key, value, reason))
            return value
        try:
            return adapter.validate_json(
                json.dumps(value), strict=True
            )  # as JSON, a list may be a tuple
        except ValidationError as error:
            self.problems += reasons(key, value, annotation, error)
            return value


def _is_node(value: object) -> bool:
    return isinstance(value, dict) and "_target_" in value


def _annotations(target: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(
            target.__init__ if inspect.isclass(target) else target, include_extras=True
        )
    except NameError:  # an annotation that only a type checker can see, in code that is not ours
        return {}
