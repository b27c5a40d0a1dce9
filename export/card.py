"""The README beside an exported net: what it is, how it is used, what was checked."""

import json
from collections.abc import Mapping
from typing import Any

from constructors import LoadedRun
from datasets.spec import one_line
from export.checks import Checked
from export.formats import Format, images_shape
from run_folder import is_done, read_about, read_result

__all__ = ["card"]

FIXED_SIZE = """\
The batch may have any number of images. Height and width are fixed: where the windows of strides
and pools lie follows from them, and a net that is exactly equivariant at one size may not be at
another."""


def card(run: LoadedRun, kind: Format, checked: Checked) -> str:
    """The README of an exported net, with a header that model hubs read."""
    spec, shape = run.build.shown, images_shape(run)
    channels, height, width = shape
    tags = ["equivariance", "pytorch", *(["image-classification"] if spec.num_classes else [])]
    header = ["---", f"library_name: {kind.library}", f"tags: {json.dumps(tags)}", "---"]
    name = type(run.model).__name__
    colours = {1: "grey", 3: "red, green, blue"}.get(channels, f"{channels} channels")
    outputs = "the logits of its classes" if spec.num_classes else "numbers"
    data = {
        "size": list(spec.size),
        "mean": list(spec.mean),
        "std": list(spec.std),
        "cropped to the inscribed disc": spec.circle_crop,
        "classes" if spec.num_classes else "targets": list(
            (spec.class_names if spec.num_classes else spec.target_names) or range(spec.num_outputs)
        ),
    }
    return "\n".join(
        [
            *header,
            f"# {name}",
            "",
            f"A trained net of partial_equiv, {_source(run)}. From `images`, float32 [batch, "
            f"{channels}, {height}, {width}] ({colours}; in 0..1, minus the mean, divided by std), "
            f"it makes {outputs}.",
            "",
            FIXED_SIZE,
            "",
            "```python",
            kind.usage.rstrip(),
            "```",
            "",
            "What the net knows of its data:",
            "",
            "```json",
            "{" + ",\n ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in data.items()) + "}",
            "```",
            "",
            "## Checked",
            "",
            "These files were read back, and compared with the net that they were made from:",
            "",
            *(f"- {one_line(line)}" for line in checked.lines),
            "",
            *_figures(_result(run)),
        ]
    )


def _source(run: LoadedRun) -> str:
    """What it was trained on, and by which version of the program."""
    dataset = str(run.config.dataset.get("_target_", "")).rpartition(".")[2]
    commit = read_about(run.folder).get("commit")
    made = f", by commit {one_line(commit)[:40]}" if isinstance(commit, str) else ""
    return f"trained on {one_line(dataset)} (seed {run.config.seed}{made})"


def _result(run: LoadedRun) -> Mapping[str, Any]:
    """The figures of the test; none if the net is not that of a run folder."""
    result = read_result(run.folder) if is_done(run.folder) else {}
    return {name: value for name, value in result.items() if name.startswith("test/")}


def _figures(result: Mapping[str, Any]) -> list[str]:
    """The figures of the test, as a table."""
    if not result:
        return []
    rows = [
        f"| {one_line(key)} | {value:.4g} |" for key, value in result.items() if value is not None
    ]
    return ["## Test of the run", "", "| | |", "|---|---|", *rows, ""]
