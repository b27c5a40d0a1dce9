"""Tracking in plain files: metrics.jsonl, one JSON record a line, and tables as CSV."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

__all__ = ["JsonTracker", "binned", "read_metrics", "rewind"]

METRICS = "metrics.jsonl"


class JsonTracker:
    """Appends scalars and histograms to metrics.jsonl and writes tables/*.csv in the run folder.

    Images, artifacts and the result are files of the run folder already. A value that is not
    finite becomes null. `name`, `group` and `config` are on disk too, and not used.
    """

    def __init__(
        self,
        run_folder: Path | str,
        name: str = "",
        group: str | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.run_folder = Path(run_folder)

    def scalars(self, values: Mapping[str, float], *, epoch: int, step: int) -> None:
        """Append one record with its own epoch and step."""
        finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
        self._append({"epoch": epoch, "step": step, **finite})

    def histogram(self, name: str, values: Tensor, *, epoch: int, step: int) -> None:
        """Append a histogram of the finite values: counts in equal bins between low and high."""
        counts, edges = binned(values)
        histogram = {"counts": counts, "low": edges[0], "high": edges[-1]}
        self._append({"epoch": epoch, "step": step, name: histogram})

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Write tables/<name>.csv; slashes in the name make folders."""
        path = self.run_folder / "tables" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([columns, *rows])

    def image(self, name: str, path: Path) -> None:
        """Do nothing: the image is a file already."""

    def artifact(self, name: str, path: Path, kind: str) -> None:
        """Do nothing: the artifact is a file already."""

    def finish(self, result: Mapping[str, float | int | str]) -> None:
        """Do nothing: the result is a file already."""

    def _append(self, record: Mapping[str, Any]) -> None:
        self.run_folder.mkdir(parents=True, exist_ok=True)
        with (self.run_folder / METRICS).open("a") as file:  # opened each time: see `rewind`
            file.write(json.dumps(record, allow_nan=False) + "\n")


def binned(values: Tensor, bins: int = 64) -> tuple[list[int], list[float]]:
    """Count the finite values of a tensor in equal bins: counts [bins], edges [bins + 1]."""
    flat = values.detach().double().cpu().flatten()
    flat = flat[flat.isfinite()]
    low, high = (flat.min().item(), flat.max().item()) if len(flat) else (0.0, 0.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts = torch.histc(flat, bins=bins, min=low, max=high)
    return counts.long().tolist(), torch.linspace(low, high, bins + 1).tolist()


def read_metrics(run_folder: Path) -> list[dict[str, Any]]:
    """The records of metrics.jsonl in their order; none if there is no such file."""
    path = run_folder / METRICS
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def rewind(run_folder: Path, epoch: int, *, source: Path | None = None) -> None:
    """Drop from metrics.jsonl what was written after an epoch; torn lines go too.

    With `source`, the records come from that folder's file instead.
    """
    path, origin = run_folder / METRICS, (source or run_folder) / METRICS
    if not origin.exists():
        return
    kept = []
    for line in origin.read_text().splitlines():
        try:
            if json.loads(line)["epoch"] <= epoch:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            continue
    run_folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{METRICS}.unfinished")
    unfinished.write_text("".join(kept))
    unfinished.replace(path)
