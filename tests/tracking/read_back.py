"""What an offline run of W&B has been told, read back from its log."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Told", "environment", "records", "told_offline"]


def environment(home: Path, **more: str) -> dict[str, str]:
    """An environment without credentials or settings of the developer's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    return kept | {"HOME": str(home), "NETRC": str(home / "netrc")} | more


def records(wandb_folder: Path) -> list[dict[str, Any]]:
    """Read back a W&B transaction log."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(wandb_folder)]
    done = subprocess.run(
        command, env=environment(wandb_folder), capture_output=True, text=True, timeout=60
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@dataclass
class Told:
    """What has arrived.

    Attributes:
        started: the record of the run's start.
        tables, pictures: their names.
        summary: the last value of each figure.
        artifacts: their types.
    """

    started: dict[str, Any] = field(default_factory=dict)
    tables: set[str] = field(default_factory=set)
    pictures: set[str] = field(default_factory=set)
    summary: dict[str, Any] = field(default_factory=dict)
    artifacts: list[str] = field(default_factory=list)


def told_offline(folder: Path) -> Told:
    """What the one offline run in a run folder has been told."""
    (log,) = (folder / "wandb").glob("offline-run-*")
    told = Told()
    kinds = {"table-file": told.tables, "image-file": told.pictures}
    for record in records(log):
        if record["type"] == "run":
            told.started = record["run"]
        told.summary |= record.get("summary", {}).get("update", {})
        told.artifacts += filter(None, [record.get("artifact", {}).get("type")])
        for key, value in record.get("history", {}).get("item", {}).items():
            if value in kinds:
                kinds[value].add(key.removesuffix("._type"))
    return told
