"""Plain files: one valid JSON record a line, and a way back."""

import json
from pathlib import Path

import pytest
import torch

from tracking import JsonTracker, rewind


def records(folder: Path) -> list[dict[str, object]]:
    """Read metrics.jsonl strictly: NaN is no JSON."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


def test_scalars_are_records_with_epoch_and_step(tmp_path: Path) -> None:
    tracker = JsonTracker(tmp_path / "run", name="a", group="b", config={"seed": 0})
    tracker.scalars({"train/loss": 0.5, "range/conv1": 1.0}, epoch=1, step=10)
    tracker.scalars({"train/loss": float("nan")}, epoch=2, step=20)
    assert records(tmp_path / "run") == [
        {"epoch": 1, "step": 10, "train/loss": 0.5, "range/conv1": 1.0},
        {"epoch": 2, "step": 20, "train/loss": None},
    ]


@pytest.mark.parametrize(
    ("values", "count", "low", "high"),
    [
        (torch.linspace(-1, 3, 100).view(4, 25), 100, -1, 3),
        (torch.full((7,), 2.0, requires_grad=True), 7, 1.5, 2.5),
        (torch.tensor([0.0, 1.0, float("nan"), float("inf")]), 2, 0, 1),
        (torch.zeros(0), 0, -0.5, 0.5),
        (torch.arange(5), 5, 0, 4),
    ],
)
def test_a_histogram_counts_finite_values(
    tmp_path: Path, values: torch.Tensor, count: int, low: float, high: float
) -> None:
    JsonTracker(tmp_path).histogram("grad", values, epoch=1, step=2)
    (record,) = records(tmp_path)
    assert sum(record["grad"]["counts"]) == count
    assert (record["grad"]["low"], record["grad"]["high"]) == (low, high)


def test_a_table_is_a_csv_file(tmp_path: Path) -> None:
    JsonTracker(tmp_path).table("test/angles", ["angle", "accuracy"], [[0, 0.5], ["a,b", 1]])
    text = (tmp_path / "tables" / "test" / "angles.csv").read_text()
    assert text.splitlines() == ["angle,accuracy", "0,0.5", '"a,b",1']


def test_rewind_drops_later_and_torn_records(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = JsonTracker(tmp_path)
    for epoch in (1, 2, 3):
        tracker.scalars({"lr": 0.1}, epoch=epoch, step=epoch)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 2, "st')
    history = [{"epoch": epoch, "step": epoch, "lr": 0.1} for epoch in (1, 2)]
    rewind(tmp_path / "copy", history[:1], source=tmp_path)
    rewind(tmp_path, history)
    assert not caplog.text, "nothing is damaged"
    tracker.scalars({"lr": 0.1}, epoch=3, step=4)
    assert [record["step"] for record in records(tmp_path)] == [1, 2, 4]
    assert [record["step"] for record in records(tmp_path / "copy")] == [1]
    rewind(tmp_path / "nothing", [])
    assert not (tmp_path / "nothing").exists()
