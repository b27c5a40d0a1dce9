"""The files of a run folder: read, where a stranger may have damaged them, and written whole."""

import hashlib
import json
import logging
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from config_schema.complaints import ConfigError
from config_schema.quoting import typed
from partial_equiv.refusal import Refusal
from plain_files import read_json, read_yaml, write_whole

__all__ = [
    "ABOUT",
    "ANEW",
    "CONFIG",
    "FAILURE",
    "LAST",
    "RESULT",
    "folder_name",
    "forget_failure",
    "has_checkpoint",
    "is_done",
    "read_about",
    "read_config",
    "read_failure",
    "read_finished",
    "read_overrides",
    "read_result",
    "seconds_since_start",
    "write_config",
    "write_failure",
    "write_result",
]

log = logging.getLogger(__name__)

CONFIG, OVERRIDES = "config.yaml", "overrides.yaml"
ABOUT = "about"  # in config.yaml: the names of the chosen options, commit, libraries, machine
WORDS = "words"  # in the same: those of overrides.yaml, written in one piece with all else
RESULT, LAST, FAILURE = "result.json", "checkpoints/last.pt", "failure.txt"
COUNTS = re.compile(r"seconds/|(best_epoch|epochs|parameters|samples)$")
FIGURES = re.compile(rf"(test|val|range)/|{COUNTS.pattern}")
ANEW = "what the run was is not known without it: start it anew in another folder"


def folder_name(overrides: Sequence[str]) -> str:
    """A job's folder: its overrides, sorted; at most 255 bytes, and safe on any file system.

    >>> folder_name(["seed=1", "conv.partial=True"])
    'conv.partial=True,seed=1'
    """
    plain = ",".join(sorted(overrides))
    safe = re.sub(r"[^A-Za-z0-9._=,+~-]", "_", plain).lstrip(".") or "default"
    if safe == plain and len(safe) <= 200:
        return safe
    return f"{safe[:200]}-{hashlib.sha256(plain.encode()).hexdigest()[:8]}"


def is_done(folder: Path) -> bool:
    """Whether a run has left its result here, and it can be read."""
    try:
        return bool(read_result(folder))
    except (OSError, Refusal):
        return False


def has_checkpoint(folder: Path) -> bool:
    """Whether a training here can be continued."""
    return (folder / LAST).is_file()


def write_config(
    folder: Path,
    config: Mapping[str, Any],
    overrides: Sequence[str],
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write the resolved config, the words that it came from, and what is to stand beside it."""
    write_whole(folder / OVERRIDES, yaml.safe_dump(list(overrides)))
    beside = {**(about or {}), WORDS: list(overrides)}
    content = {**config, ABOUT: beside}
    write_whole(folder / CONFIG, yaml.safe_dump(content, sort_keys=False))


def seconds_since_start(folder: Path) -> float:
    """How long ago the run in this folder was started, or continued; 0 if it was not."""
    path = folder / CONFIG
    return max(0.0, time.time() - path.stat().st_mtime) if path.is_file() else 0.0


def read_overrides(folder: Path) -> list[str]:
    """The words that the run in this folder was started with.

    Raises:
        Refusal: if their file is damaged.
    """
    noted = read_about(folder).get(WORDS)
    path, remedy = folder / OVERRIDES, "the words of the run can be given again instead"
    try:
        words = read_yaml(path, list, remedy) if noted is None or path.exists() else []
    except FileNotFoundError:
        return []
    except Refusal:
        if noted is None:
            raise
        words = []
    if noted not in (None, words):  # also if a process was killed between the two
        log.warning("%s does not say what %s does: the words there count", path, CONFIG)
        words = noted
    if not (isinstance(words, list) and all(isinstance(word, str) for word in words)):
        raise Refusal(f"{path} is damaged (it does not hold words alone); {remedy}")
    return words


def read_config(folder: Path) -> dict[str, Any] | None:
    """The config of the run in this folder, or None if there is none.

    Raises:
        Refusal: if its file is damaged.
    """
    path = folder / CONFIG
    if not path.is_file():
        return None
    config = read_yaml(path, dict, ANEW)
    for own in (ABOUT, "packages"):  # a user's consent is never taken from a folder
        config.pop(own, None)
    dataset = config.get("dataset")
    if isinstance(dataset, dict) and "unit_cells" not in str(dataset.get("_target_")):
        dataset.pop("num_workers", None)  # of older folders; it is train.workers now
    return config


def read_about(folder: Path) -> dict[str, Any]:
    """What stands beside the config of the run in this folder: commit, libraries, machine."""
    path = folder / CONFIG
    if not path.is_file():
        return {}
    about = read_yaml(path, dict, ANEW).get(ABOUT)
    return about if isinstance(about, dict) else {}


def read_finished(folder: Path) -> dict[str, Any]:
    """The config of the finished run in this folder.

    Raises:
        ConfigError: if there is none.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such run folder")
    config = read_config(folder)
    if config is None:
        raise ConfigError(f"{folder}: holds no run")
    if "${" in json.dumps(config):  # it is written resolved: another's would read the environment
        raise ConfigError(f"{folder / CONFIG} is damaged (it refers to other values); {ANEW}")
    if (folder / RESULT).exists():
        read_result(folder)
    if not is_done(folder):
        word = typed("train.resume", folder)
        raise ConfigError(f"{folder}: the run is not finished; {word} continues it")
    return config


def write_result(folder: Path, result: Mapping[str, Any]) -> None:
    """Write the final figures (flat, plain values)."""
    write_whole(folder / RESULT, json.dumps(dict(result), indent=2) + "\n")


def read_result(folder: Path) -> dict[str, Any]:
    """The final figures of the run in this folder.

    Raises:
        Refusal: if their file is damaged.
    """
    path, remedy = folder / RESULT, f"{typed('train.resume', folder)} writes it anew"
    result = dict(read_json(path, dict, remedy))
    for name, value in result.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        unknown = value is None and not COUNTS.match(name)  # a mean that was not finite
        said = isinstance(value, bool | str) and not FIGURES.match(name)
        if not (number or unknown or said):
            raise Refusal(f"{path} is damaged ({name} is no number); {remedy}")
    return result


def write_failure(folder: Path, reason: str) -> None:
    """Write why a job ended without a result."""
    write_whole(folder / FAILURE, f"{reason}\n")


def forget_failure(folder: Path) -> None:
    """A job that failed starts again."""
    (folder / FAILURE).unlink(missing_ok=True)


def read_failure(folder: Path) -> str | None:
    """Why the last job here ended without a result, in one line; None if it did not."""
    path = folder / FAILURE
    return " ".join(path.read_text(errors="replace").split()) if path.is_file() else None
