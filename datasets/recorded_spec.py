"""What a net knows of its data, in the folder of its run: it can be used where they are not."""

import json
import math
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from datasets.spec import DataSpec
from partial_equiv.refusal import Refusal
from plain_files import read_json, write_whole

__all__ = ["checked_spec", "read_spec", "write_spec"]

FILE = "data.json"


def write_spec(folder: Path, spec: DataSpec) -> None:
    """Write what is known of the data of a run into its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / FILE, json.dumps(asdict(spec), indent=1) + "\n")


def read_spec(folder: Path) -> DataSpec | None:
    """What `write_spec` wrote; None if it did not.

    Raises:
        Refusal: if the file is damaged, or says what cannot be.
    """
    path, remedy = folder / FILE, "without that file, the data set is asked"
    if not path.exists():
        return None
    return checked_spec(read_json(path, dict, remedy), path, remedy)


def checked_spec(content: object, path: Path, remedy: str) -> DataSpec:
    """The spec that the plain values of a file are.

    Args:
        content: a mapping, as of `dataclasses.asdict`.
        path: of the file, to name it.
        remedy: what can be done if it is damaged.

    Raises:
        Refusal: if they are none, or say what cannot be.
    """
    try:
        spec = TypeAdapter(DataSpec).validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Refusal(f"{path} is damaged ({where}: {first['msg']}); {remedy}") from None
    if wrong := _wrong(spec):
        raise Refusal(f"{path} is damaged ({wrong}); {remedy}")
    return spec


def _wrong(spec: DataSpec) -> str | None:
    """What of a spec contradicts the rest of it."""
    size = spec.target_size if spec.num_classes is None else spec.num_classes
    names = spec.target_names if spec.num_classes is None else spec.class_names
    if size is None or min(size, spec.in_channels, spec.num_views, *spec.size) < 1:
        return "it has a size below 1, or none"
    if not len(spec.mean) == len(spec.std) == spec.in_channels:
        return f"mean and std are not of {spec.in_channels} channels"
    if not all(map(math.isfinite, [*spec.mean, *spec.std])) or 0 in spec.std:
        return "mean or std is no number to normalise with"
    if len(names) not in (0, size):
        return f"it has {len(names)} names for {size} outputs"
    if spec.bits is not None and not 9 <= spec.bits <= 16:
        return f"bits={spec.bits}"
    return None
