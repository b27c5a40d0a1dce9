"""What a run recorded after its epochs: curves of its training, and what its layers learned."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from analysis.learned_ranges import Kind
from analysis.names import plain
from analysis.report.blocks import Charts, Folder, Table, table, written
from analysis.report.curves import chart
from plain_files import intact_lines
from tracking.json_lines import METRICS

__all__ = ["TRAINING", "charts", "learned_kinds", "learned_table", "records"]

TRAINING = ("train/", "val/")  # what records say of the data
MOST_CHARTS = 12
HEADS = {"range": "kept rotations, or probability", "defect": "relative defect"}


def records(folder: Folder) -> list[dict[str, Any]]:
    """One record an epoch, as far as its lines are whole."""
    path, found = folder.path / METRICS, []
    lines = folder.attempt(lambda: list(intact_lines(path))) if path.exists() else None
    for number, record in lines or []:
        epoch = record.get("epoch") if record is not None else None
        if record is None or not isinstance(epoch, int) or abs(epoch) > 10**7:
            folder.note(f"{METRICS}: line {number} is damaged and left out")
        elif not any(isinstance(value, dict) for value in record.values()):
            found.append(record)
    return found


def charts(history: Sequence[Mapping[str, Any]], prefixes: Collection[str]) -> list[Charts]:
    """Curves of the records: losses and so on of training and validation together, and each kind
    of the layers' numbers by itself."""
    panels: dict[str, dict[str, list[float | None]]] = {}
    for name in dict.fromkeys(name for record in history for name in record):
        head, _, rest = name.partition("/")
        if f"{head}/" in prefixes or name in prefixes:
            data = f"{head}/" in TRAINING
            title, line = (plain(rest), head) if data else (HEADS.get(head, plain(head)), rest)
            values = [_number(record.get(name)) for record in history]
            panels.setdefault(title, {})[line or "the whole net"] = values
    epochs = [record["epoch"] for record in history]
    found = (chart(title, curves, epochs) for title, curves in list(panels.items())[:MOST_CHARTS])
    drawn = [each for each in found if each is not None]
    return [Charts(drawn)] if drawn else []


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def learned_kinds(result: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> list[str]:
    """What relaxations and probes tell: "range/", "defect/", "defect", …: what is recorded after
    every epoch, and is neither of the data nor of the training."""
    known = [name for record in history[-1:] for name in record]
    known = known or [name for name in result if re.match("range/|defect", name)]
    left_out = (*TRAINING, "seconds/", "epoch", "step", "lr")
    heads = (f"{head}/" if rest else head for head, _, rest in (n.partition("/") for n in known))
    return [head for head in dict.fromkeys(heads) if head not in left_out]


def learned_table(values: Mapping[str, Any], kinds: Collection[str]) -> list[Table]:
    """A line for each layer, a column for each kind of its numbers; none without any."""
    cells: dict[str, dict[str, str]] = {}
    for name, value in values.items():
        head, _, layer = name.partition("/")
        if f"{head}/" in kinds or name in kinds:
            kept = head == "range" and "." not in layer and isinstance(value, float)
            text = Kind("range/", "").written(value) if kept else written(value)
            cells.setdefault(layer or "the whole net", {})[head] = text
    heads = list(dict.fromkeys(head for line in cells.values() for head in line))
    if not heads:
        return []
    lines = [[layer, *(line.get(head, "-") for head in heads)] for layer, line in cells.items()]
    return [table("By layer", [["layer", *(HEADS.get(h, plain(h)) for h in heads)], *lines])]
