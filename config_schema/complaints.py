"""Complaints: one line about what is set wrong: key, value, what is allowed, nearest name."""

import json
import os
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from partial_equiv.refusal import Refusal

__all__ = ["ConfigError", "complaint", "exit_status", "hint", "line", "located", "unknown"]


class ConfigError(ValueError):
    """A config, or a word of the command line, that cannot be used; one line a problem."""


def line(key: str, value: object, reason: str) -> str:
    """`key=value: reason`, with the value as one would write it on the command line.

    >>> line("net.widths", [1, "a"], "should be numbers")
    'net.widths=[1,a]: should be numbers'
    """
    shown = json.dumps(value, separators=(",", ":"), default=str, ensure_ascii=False)
    return f"{key}={shown.replace(chr(34), '')}: {reason}"


def hint(word: object, known: Collection[str]) -> str:
    """` (did you mean …?)`, or nothing if no known name resembles the word.

    A name resembles the word if it is nearly the same in small letters, ends in it after a dot, or
    is what its letters are short for.

    >>> hint("SIREN", ["siren", "mlp"]), hint("lr", ["learning_rate", "epochs"])
    (' (did you mean siren?)', ' (did you mean learning_rate?)')
    >>> hint("predict", ["parity", "train"])
    ''
    """
    said = str(word).lower()
    short = ("".join(part[:1] for part in name.split("_")) for name in known)
    alike = [name for name, letters in zip(known, short, strict=True) if letters == said]
    alike = alike or [name for name in known if name.endswith(f".{said}")]
    small = {name.lower(): name for name in known}
    alike = alike or [small[each] for each in get_close_matches(said, small, n=1, cutoff=0.65)]
    return f" (did you mean {' or '.join(alike)}?)" if alike else ""


def unknown(
    key: str, value: object, owner: str, known: Collection[str], elsewhere: Collection[str] = ()
) -> str:
    """The complaint about a key whose last part is none of the known names.

    >>> unknown("net.widht", 3, "net has", ["width", "pools"])
    'net.widht=3: net has no widht, only pools, width (did you mean width?)'
    """
    name = key.rpartition(".")[2]
    names = f"only {', '.join(sorted(known))}" if known else "nor any other setting"
    return line(key, value, f"{owner} no {name}, {names}{hint(name, [*known, *elsewhere])}")


def complaint(error: BaseException) -> str | None:
    """What to tell of an error that says what its user can change; None for a bug.

    With HYDRA_FULL_ERROR=1 every error is treated as a bug, which is shown with its traceback.
    """
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        return None
    if isinstance(error, ConfigError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    import torch  # seconds, if nothing else has needed it

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return "out of memory: a smaller train.batch_size or net needs less"
    return str(error) if isinstance(error, Refusal) else None


def exit_status(command: Callable[[], int]) -> int:
    """The exit status of a command: its own; 1 after a line, on the standard error, of what its
    user can change; 130 after Ctrl-C. Bugs are raised."""
    try:
        return command()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    except Exception as error:
        if (reason := complaint(error)) is None:
            raise
        sys.stderr.write(f"{reason}\n")
        return 1


@contextmanager
def located(key: str, section: str | None = None) -> Iterator[None]:
    """Say of a complaint in the block which key it is about: one of the section's settings, if it
    names one.

    Raises:
        ConfigError: for any ValueError.
    """
    try:
        yield
    except ConfigError:
        raise
    except ValueError as error:
        named = section is not None and isinstance(error, Refusal) and error.settings
        raise ConfigError(f"{section}.{error}" if named else f"{key}: {error}") from None
