"""Finds the class or function that a config names as `_target_`: one of ours.

A config is data: it may come from a stranger's run folder or sweep, so that it must not be able to
name just any callable of the machine. Code from elsewhere needs the user's own word for it,
`packages=[mypackage]` on the command line.
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

__all__ = ["OURS", "resolve"]

OURS = ("partial_equiv", "models", "datasets", "measures", "tasks", "trainer", "tracking")


def resolve(path: object, own: Sequence[str] = ()) -> Callable[..., Any]:
    """The class or function at a dotted path.

    Args:
        path: what a config says.
        own: packages of the user's, beside ours.

    Raises:
        ValueError: if it does not exist, is neither class nor function, or is defined outside the
            allowed packages (also if it is reached through one of them, as in `trainer.os.system`).
    """
    packages = (*OURS, *own)
    if not isinstance(path, str) or not _lies_in(path, packages):
        raise ValueError(
            f"is not allowed, only what lies in {', '.join(packages)}; "
            "packages=[mypackage] on the command line allows your own"
        )
    first, *rest = path.split(".")
    found: Any = _import(first, path)
    for i, name in enumerate(rest):
        inside = ".".join([first, *rest[:i]])
        if not hasattr(found, name):
            names = list(_names(found))
            if not isinstance(found, ModuleType) or name not in names:
                close = [f"{inside}.{each}" for each in get_close_matches(name, names, n=1)]
                advice = f" (did you mean {'.'.join([*close, *rest[i + 1 :]])}?)" if close else ""
                raise ValueError(f"{inside} has no {name}{advice}")
            _import(f"{inside}.{name}", path)
        found = getattr(found, name)
    if not (inspect.isclass(found) or inspect.isfunction(found)):
        raise ValueError("is neither a class nor a function")
    if not _lies_in(f"{found.__module__}.{found.__qualname__}", packages):
        raise ValueError(f"is not allowed: it is defined in {found.__module__}")
    return found


def _lies_in(path: str, packages: Iterable[str]) -> bool:
    return any(path.startswith(f"{package}.") for package in packages)


def _import(module: str, path: str) -> ModuleType:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ValueError(f"{path} needs the module {error.name}, which is not here") from error


def _names(found: object) -> Iterable[str]:
    yield from (name for name in dir(found) if not name.startswith("_"))
    yield from (module.name for module in iter_modules(getattr(found, "__path__", ())))
