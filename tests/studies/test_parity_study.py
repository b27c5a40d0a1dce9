"""The comparison under the mirror: what it must come to, and its tables and figures."""

import csv
import json
from pathlib import Path

import pytest

from studies.finished import finished_runs
from studies.folder import read_study_folder
from studies.reports.parity import report
from tests.terminal import Terminal

SIXES = (
    *(
        "tracking=none",
        "dataset=digits6_180",
        "dataset.copies=mirrored",
        "dataset.size=12",
        "dataset.train_size=null",
    ),
    *("dataset.val_size=30", "net.hidden_channels=8", "net.strides=[1,2,2]", "train.epochs=12"),
    *("conv.kernel_size=3", "measure.mirror.num_images=20"),
)


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "tables" / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_mirror_is_seen_by_who_may_see_it(terminal: Terminal, tmp_path: Path) -> None:
    """Sixes against mirrored sixes: the answers to mirror images are wrong if those to the images
    are right, and mirroring what is trained on exchanges the classes."""
    answer = terminal("study=parity/mnist6_m", "study.rows=[*/1]", *SIXES)
    assert answer.status == 0, answer.out + answer.err
    folder = tmp_path / "studies" / "parity" / "mnist6_m"
    result = json.loads((folder / "report.json").read_text())
    for net in ("baseline", "partial"):
        wrong, right = (result[f"{net}_1/{which}accuracy"] for which in ("", "mirrored_"))
        assert right > 0.9, "it has learned the mirrored images"
        assert wrong == pytest.approx(1 - right)
        assert result[f"{net}_1/least_corr_equiv"] < 0.9
    assert result["parity_1/accuracy"] == result["parity_1/mirrored_accuracy"] == 0.5
    assert result["parity_1/same_answers"] == 1
    assert abs(result["parity_1/least_corr_equiv"] - 1) < 1e-5
    runs = finished_runs(read_study_folder(folder))
    assert min(runs[2].result[f"range/conv{i}.mirror"] for i in (1, 2, 3)) < 0.5
    assert runs[0].result["parameters"] == runs[1].result["parameters"]

    assert [row["net"] for row in table(folder, "results")] == ["baseline", "parity", "partial"]
    (compared,) = table(folder, "comparison")
    assert float(compared["mirror_probability"]) == 1
    assert float(compared["parity_difference"]) == 0
    assert float(compared["baseline_difference"]) < -0.8
    layers = table(folder, "sensitivity")
    assert len(layers) == 3 * 14
    for row in layers:
        exact = abs(float(row["corr_equiv"]) - 1) < 1e-5
        assert exact or row["net"] != "parity", row
        assert not exact or row["net"] != "baseline", row
    figures = {path.stem: path for path in (folder / "figures").glob("*.png")}
    assert figures.keys() - {"rows"} == {"accuracies", "correlations", "feature_maps_1"}
    assert all(path.stat().st_size > 10_000 for path in figures.values())

    found = report(runs[1:2], tmp_path / "part")  # what is done of a study is reported
    assert found.tables["comparison"][1] == [[1.0, 0.5, 0.5, 0.0]]
    assert len(found.pictures) == 3
