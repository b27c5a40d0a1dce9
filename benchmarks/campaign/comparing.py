"""Whether two runs, sweeps or studies left the same, bit for bit, all but times."""

import json
import math
from pathlib import Path
from typing import Any

import torch

import checkpoint

__all__ = ["differences", "left"]


def left(folder: Path) -> dict[str, Any]:
    """What the runs below a folder left: results, records and checkpoints, by their paths."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if not path.is_file():
            continue
        if path.name == "result.json":
            found[name] = _plain(json.loads(path.read_text()))
        elif path.name == "metrics.jsonl":
            found[name] = [_plain(json.loads(line)) for line in path.read_text().splitlines()]
        elif path.parent.name == "checkpoints" and path.suffix == ".pt":
            found[name] = _plain(checkpoint.load(path))
    return found


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The paths of what is not the same."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _plain(value: Any) -> Any:  # noqa: ANN401
    """A value that equals another one if all bits but times are the same."""
    if isinstance(value, torch.Tensor):
        content = value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        return (str(value.dtype), tuple(value.shape), content)
    if isinstance(value, dict):
        return {
            key: _plain(each)
            for key, each in value.items()
            if not str(key).startswith(("seconds", "epoch_seconds"))
        }
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return "nan" if isinstance(value, float) and math.isnan(value) else value
