"""Tracking in plain files: metrics.jsonl, one JSON record a line, and tables as CSV."""

import csv
import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from config_schema.quoting import typed
from partial_equiv.refusal import Refusal
from plain_files import intact_lines, write_whole

__all__ = ["JsonTracker", "binned", "read_metrics", "rewind"]

METRICS = "metrics.jsonl"

log = logging.getLogger(__name__)


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
        self._append(_finite({"epoch": epoch, "step": step, **values}))

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


def read_metrics(run_folder: Path | str) -> list[dict[str, Any]]:
    """The records of metrics.jsonl in their order; none if the run has recorded nothing yet.

    A record is flat: its epoch and step, and numbers by name (None for one that was not finite),
    but for histograms, which have a record of their own each. `pandas.DataFrame` takes them all.

    Args:
        run_folder: of a run, which need not be finished.

    Raises:
        Refusal: if the file is damaged, or there is no such folder.
    """
    run_folder = Path(run_folder).expanduser()
    if not run_folder.is_dir():
        raise Refusal(f"{run_folder}: there is no such run folder")
    path, records = run_folder / METRICS, []
    for number, record in intact_lines(path) if path.exists() else ():
        if record is None or _epoch(record) is None:
            word = typed("train.resume", run_folder)
            raise Refusal(f"{path} is damaged (line {number}); {word} writes it anew")
        records.append(record)
    return records


def rewind(
    run_folder: Path, history: Sequence[Mapping[str, float]], *, source: Path | None = None
) -> None:
    """Make metrics.jsonl what it was when a training had this history.

    What was written later is dropped, and so is a last line that was torn when its process was
    killed. Records that are not those of the history are damaged: all are written anew from it, and
    that is told.

    Args:
        run_folder: of the run that goes on.
        history: of the checkpoint: what was recorded after each epoch, with "epoch" and "step".
        source: the folder with the file so far, if it is another one.
    """
    path, origin = run_folder / METRICS, (source or run_folder) / METRICS
    lines = list(intact_lines(origin)) if origin.exists() else []
    if lines and lines[-1][1] is None:
        lines.pop()
    last = max((record["epoch"] for record in history), default=0)
    kept = [record for _, record in lines if record is None or (_epoch(record) or 0) <= last]
    expected = json.loads(json.dumps([_finite(record) for record in history]))
    if [record for record in kept if record is None or not _is_histogram(record)] != expected:
        if history:
            log.warning("%s is lost or damaged: written anew from the checkpoint", origin)
        kept = expected
    if kept or origin.exists():
        run_folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, "".join(json.dumps(record) + "\n" for record in kept))


def _finite(record: Mapping[str, float]) -> dict[str, float | None]:
    """A record as JSON knows it: null for what is not finite."""
    return {name: value if math.isfinite(value) else None for name, value in record.items()}


def _epoch(record: Mapping[str, Any]) -> int | None:
    """That a record is of; None if it does not say."""
    epoch = record.get("epoch")
    return epoch if isinstance(epoch, int) else None


def _is_histogram(record: Mapping[str, Any]) -> bool:
    return any(isinstance(value, dict) and "counts" in value for value in record.values())
