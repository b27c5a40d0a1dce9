"""Components: checked nodes of a config, each one a callable with its arguments."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, get_args, get_type_hints

from config_schema.complaints import ConfigError
from from_run import is_from_run
from partial_equiv.refusal import Refusal

__all__ = ["Component", "Made"]

Made: TypeAlias = Any  # whatever a config names: its class is not known before


@dataclass(frozen=True)
class Component:
    """A node at `key` that names a `target`; `partial` means a factory of what the target makes.

    Arguments are plain values, components, or lists of them.
    """

    key: str
    target: Callable[..., Any]
    arguments: Mapping[str, Any]
    partial: bool = False

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """What the target can be given."""
        return inspect.signature(self.target).parameters

    def retargeted(self, target: Callable[..., Any]) -> "Component":
        """The same for another target, with those of the arguments that it has a parameter for."""
        known = inspect.signature(target).parameters
        arguments = {name: value for name, value in self.arguments.items() if name in known}
        return replace(self, target=target, arguments=arguments)

    def bound(
        self, given: Mapping[str, object], sections: Mapping[str, "Component"]
    ) -> dict[str, Any]:
        """The arguments, made, and those of the given ones that the target has a parameter for."""

        def made(value: object) -> object:
            if isinstance(value, Component):
                return value.construct(given, sections)
            return [made(each) for each in value] if isinstance(value, list) else value

        accepted = {name: value for name, value in given.items() if name in self.parameters}
        arguments = accepted | {name: made(value) for name, value in self.arguments.items()}
        for name, kind in self.from_runs.items():
            if isinstance(folder := arguments.get(name), Path):
                arguments[name] = self._trained(name, folder, kind, given)
        return arguments

    @property
    def from_runs(self) -> dict[str, type]:
        """The arguments that are trained nets of other runs, with the class that each must be."""
        target = self.target.__init__ if inspect.isclass(self.target) else self.target
        try:
            hints = get_type_hints(target, include_extras=True)
        except NameError:  # an annotation that only a type checker can see, in code not ours
            return {}
        return {
            name: (get_args(hint.__origin__) or [hint.__origin__])[0]  # of `VAE | None`: VAE
            for name, hint in hints.items()
            if is_from_run(hint)
        }

    def _trained(self, name: str, folder: Path, kind: type, given: Mapping[str, Any]) -> object:
        """The net of a finished run."""
        try:
            net = given["trained_net"](folder)
        except ValueError as error:
            raise ConfigError(f"{self.key}.{name}: {error}") from error
        if not isinstance(net, kind):
            reason = f"is the run of a {type(net).__name__}, should be that of a {kind.__name__}"
            raise ConfigError(f"{self.key}.{name}={folder}: {reason}")
        return net

    def construct(self, given: Mapping[str, object], sections: Mapping[str, "Component"]) -> Made:
        """Make the component, or its factory.

        Args:
            given: values by name, for this component and those within it; `trained_net` gives the
                net of a run's folder, for arguments that are `FromRun`.
            sections: the config, to name the key that a refused setting comes from.

        Raises:
            ConfigError: if the target refuses its arguments (a factory raises it when called).
        """
        arguments = self.bound(given, sections)

        def make(*positional: object, **named: object) -> Made:
            for name in named.keys() - self.parameters.keys():
                raise ConfigError(f"{self.key}: {self.target.__name__} takes no {name}")
            try:
                return self.target(*positional, **(arguments | named))
            except ConfigError:  # of a component within, with its own key
                raise
            except Refusal as error:
                raise ConfigError(self._located(error, sections)) from error
            except ValueError as error:  # of a library, which does not know our keys
                raise ConfigError(f"{self.key}: {error}") from error

        return make if self.partial else make()

    def _located(self, error: Refusal, sections: Mapping[str, "Component"]) -> str:
        """A refusal with the key that it is about in front.

        The setting is a key already, an argument of this component, or one of the section that
        passed it on (a sampling complains about `conv.partial`).
        """
        name = next(iter(error.settings), None)
        if name is None:
            return f"{self.key}: {error}"
        if name.partition(".")[0] in sections:
            return str(error)
        if name in self.arguments:
            return f"{self.key}.{error}"
        owners = [key for key, section in sections.items() if name in section.arguments]
        return f"{owners[0]}.{error}" if len(owners) == 1 else f"{self.key}: {error}"
