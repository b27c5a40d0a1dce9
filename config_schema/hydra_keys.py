"""Rules for words that Hydra itself would take: its own keys, and one key said twice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from config_schema.complaints import hint

__all__ = ["objections"]


def _is_folder(value: object) -> bool:
    return isinstance(value, str | int | float) and value not in ("", "???")


KEYS: Mapping[str, Callable[[object], bool]] = {  # of Hydra's own, and whether a value will do
    "hydra.run.dir": _is_folder,
    "hydra.sweep.dir": _is_folder,
    "hydra.sweep.subdir": _is_folder,
    "hydra.mode": lambda value: value in ("RUN", "MULTIRUN"),
    "hydra.verbose": lambda value: isinstance(value, bool | str | list),
    "hydra.searchpath": lambda value: isinstance(value, list),
}
SECTIONS = ("hydra.launcher.", "hydra.sweeper.")
GROUPS = ("hydra/launcher", "hydra/sweeper", "hydra/job_logging", "hydra/hydra_logging")


def objections(words: Sequence[str]) -> Iterator[str]:
    """One line for each word that must not reach Hydra, but those that it cannot read."""
    parser = OverridesParser.create()
    said: dict[str, str] = {}
    for word in words:
        try:
            override = parser.parse_override(word)
        except (HydraException, ValueError):
            continue
        key = override.get_key_element().lstrip("+~")
        if key in said:
            yield f"{word}: {key} is said twice, {said[key]} before"
        elif reason := _of_hydra(override):
            yield f"{word}: {reason}"
        said[key] = word


def _of_hydra(override: Override) -> str | None:
    """What is wrong with a word about Hydra's own settings, if it is one."""
    key = override.key_or_group
    if not (key == "hydra" or key.startswith(("hydra.", "hydra/"))) or key in GROUPS:
        return None
    if key.startswith(SECTIONS) and not key.endswith("_target_"):
        return None
    if key not in KEYS or override.is_delete():
        near = hint(key.removeprefix("hydra."), [name.removeprefix("hydra.") for name in KEYS])
        names = ", ".join([*KEYS, *(f"{section}…" for section in SECTIONS)])
        return f"is not for the command line; of Hydra's own there are {names}{near}"
    value = None if override.is_sweep_override() else override.value()
    if not KEYS[key](value):
        return "is no value for it"
    if key == "hydra.searchpath" and isinstance(value, list):
        missing = [place for place in value if not _is_there(str(place))]
        return f"{missing[0]} is not there" if missing else None
    return None


def _is_there(place: str) -> bool:
    """Whether a place of config files exists: a folder, or pkg://package.folder."""
    if place.startswith("pkg://"):
        package = place.removeprefix("pkg://").replace("/", ".")
        try:
            return find_spec(package) is not None
        except (ModuleNotFoundError, ValueError):
            return False
    return Path(place.removeprefix("file://")).is_dir()
