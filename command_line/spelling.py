"""Words as people type them, in the spelling that Hydra reads."""

import os
import re
from collections.abc import Iterable

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from command_line.options import groups
from composition import CONFIG_FOLDER
from config_schema.quoting import quoted

__all__ = ["PLACES", "RUNS", "spelled"]

PLACES = re.compile(r"dataset\.(source\.)?(root|folder|file)|hydra\.(run|sweep)\.dir|train\.resume")
"""Keys of a folder or file that is read or written; as a path, it may contain any sign."""

RUNS = re.compile(
    r"(dataset|task|net|measure\.\w+)\.(autoencoder|classifier|oracle|transformation)"
)
"""Keys of a finished run whose net is only read (`from_run.FromRun`); they hold its folder."""

OPEN = re.compile(r"train\.(penalties|rates)\.\w+")
"""Keys that name what a net offers, which no file lists."""


def spelled(words: Iterable[str], *, sweep: bool = False) -> list[str]:
    """The words as Hydra reads them.

    `experiment=x` becomes `+experiment=x` (so does any group without a default),
    `train.rates.x=1` becomes `++train.rates.x=1`, and a path is quoted, its ~ resolved. In a sweep,
    a path with commas stays a list of several if it can be read as one.
    """
    without_default = {name for name, group in groups(CONFIG_FOLDER).items() if not group.always}
    result = []
    for word in words:
        key, equals, value = word.partition("=")
        if key in without_default and equals:
            word = f"+{word}"
        elif OPEN.fullmatch(key) and equals:
            word = f"++{word}"
        elif _is_path(key.lstrip("+")) and equals and not _is_special(value):
            path = f"{key}={quoted(os.path.expanduser(value))}"  # noqa: PTH111 (keeps a last /)
            word = word if sweep and _is_readable(word) else path
        result.append(word)
    return result


def _is_path(key: str) -> bool:
    return bool(PLACES.fullmatch(key) or RUNS.fullmatch(key))


def _is_special(value: str) -> bool:
    """Whether a value is quoted or escaped already, or is none: null, ???, an interpolation."""
    return value in ("", "null", "???") or value[0] in "'\"" or "${" in value or "\\" in value


def _is_readable(word: str) -> bool:
    try:
        OverridesParser.create().parse_override(word)
    except HydraException:
        return False
    return True
