"""W&B: everything arrives, nothing is asked, nothing gets in the way."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.terminal import Terminal
from tests.tracking.offline_run import PIXEL
from tests.tracking.read_back import environment, records, told_offline

ROOT = Path(__file__).parents[2]
SECRET = "/somewhere/private"  # as hydra.run.dir=… on a command line


def run(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tests.tracking.offline_run", str(folder), f"a.b={SECRET}"],
        cwd=ROOT,
        env=environment(folder, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """An offline run and what it said."""
    folder = tmp_path_factory.mktemp("offline")
    return folder, run(folder)


def test_an_offline_run_reads_back(offline: tuple[Path, Any]) -> None:
    folder, done = offline
    assert done.returncode == 0, done.stderr
    assert (folder / "wandb_id").read_text() in done.stderr  # how to upload it
    runs = sorted((folder / "wandb").glob("offline-run-*"))
    first, second = (records(path) for path in runs)
    ids = {record["run"]["run_id"] for record in first + second if record["type"] == "run"}
    assert ids == {(folder / "wandb_id").read_text()}  # one run in two parts
    started = next(record["run"] for record in first if record["type"] == "run")
    assert (started["display_name"], started["run_group"]) == ("seed=3", "sweep")
    assert started["project"] == "partial_equiv"
    text = json.dumps(first)
    assert '"hidden_channels": 16' in text
    assert SECRET not in text, "W&B would keep the command line"
    history = [record["history"]["item"] for record in first + second if "history" in record]
    scalars = [item for item in history if "train/loss" in item]
    assert [item["epoch"] for item in scalars] == [1, 2, 3]
    assert [item["step"] for item in scalars] == [10, 20, 30]
    assert scalars[1]["val/accuracy"] == 1
    assert scalars[1]["range/layers.conv1"] == 0.75
    kinds = {
        key.removesuffix("._type"): value
        for item in history
        for key, value in item.items()
        if key.endswith("._type")
    }
    assert kinds == {
        "grad": "histogram",
        "angles": "table-file",
        "generators": "table-file",
        "learned_ranges": "image-file",
    }
    (image,) = (runs[1] / "files" / "media" / "images").glob("learned_ranges*.png")
    assert image.read_bytes() == PIXEL
    (table,) = (runs[1] / "files" / "media" / "table").glob("generators*.json")
    assert table.read_text().endswith(  # columns: int and float, bool and float, several, …
        '"data":[[1.0,0.5,"a",true,null,"here"],[2.5,1.0,"3",null,null,null],'
        '[NaN,null,"False",false,null,"here"]]}'
    )
    artifacts = [record["artifact"] for record in second if record["type"] == "artifact"]
    (model,) = (artifact for artifact in artifacts if artifact["type"] == "model")
    assert model["manifest"]["contents"][0]["path"] == "best.pt"
    metrics = [record["metric"] for record in second if record["type"] == "metric"]
    assert any(metric.get("step_metric") == "epoch" for metric in metrics)
    summary: dict[str, object] = {}
    for record in second:
        summary |= record.get("summary", {}).get("update", {})
    assert summary["test/accuracy"] == 0.875
    assert (summary["dataset"], summary["exact"]) == ("digits", True)
    assert second[-1]["exit"]["exit_code"] == 0


def test_a_dry_run_tells_all_that_its_measures_found(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same calls as online: what each measure leaves in its folder has arrived."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    folder = tmp_path / "run"
    words = ["debug=True", "seed=3", "net.hidden_channels=2", "net.widths=[1]", "conv.partial=True"]
    measures = ["angles", "gallery", "meter", "mirror", "sizes"]
    answer = terminal(*words, f"measure=[{','.join(measures)}]", f"hydra.run.dir={folder}")
    assert answer.status == 0, answer.err
    assert "W&B: " not in answer.err + answer.out.replace("W&B: offline; `wandb sync ", "")
    told = told_offline(folder)
    name = "gcnn SE2 digits hidden_channels=2 widths=[1] partial=True seed 3"
    assert told.started["display_name"] == name
    assert str(tmp_path) not in json.dumps(told.started), "no place of this machine"
    tables = {str(path.relative_to(folder / "tables")) for path in folder.rglob("tables/**/*.csv")}
    assert {f"{name}.csv" for name in told.tables} == tables != set()
    assert told.pictures == {f"figures/{path.stem}" for path in (folder / "figures").glob("*.png")}
    result = json.loads((folder / "result.json").read_text())
    assert {key.partition("/")[0] for key in result} >= {"angles", "test"}
    assert {key: told.summary.get(key) for key in result if "seconds" not in key} == {
        key: value for key, value in result.items() if "seconds" not in key
    }
    assert "model" in told.artifacts


def test_it_is_quiet_and_writes_the_plain_files_too(offline: tuple[Path, Any]) -> None:
    folder, done = offline
    lines = done.stderr.splitlines()
    assert done.stdout == ""
    image, artifact, offline_run = lines
    assert "WARNING:tracking.weights_and_biases:W&B: image lost is not there: File" in image
    assert "WARNING:tracking.weights_and_biases:W&B: artifact gone is not there: " in artifact
    assert offline_run.startswith("INFO:tracking.weights_and_biases:W&B: offline")
    epochs = [
        json.loads(line)["epoch"] for line in (folder / "metrics.jsonl").read_text().splitlines()
    ]
    assert epochs == [1, 2, 2, 3]
    assert (folder / "tables" / "angles.csv").exists()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"WANDB_MODE": "online"}, "not logged in"),
        (
            {
                "WANDB_API_KEY": "a" * 40,
                "WANDB_BASE_URL": "http://127.0.0.1:9",
                "WANDB_INIT_TIMEOUT": "1",
            },
            "CommError",
        ),
    ],
    ids=["no key", "no network"],
)
def test_without_a_server_it_is_offline_and_says_why(
    tmp_path: Path, more: dict[str, str], reason: str
) -> None:
    done = run(tmp_path, WANDB_DIR=str(tmp_path / "not" / "yet"), **more)
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stderr.splitlines() if line.startswith("WARNING")]
    warnings = [line for line in warnings if "is not there" not in line]
    assert len(warnings) == 2  # one a tracker
    assert all(f"offline instead of online: {reason}" in line for line in warnings)
    assert len(list((tmp_path / "not" / "yet" / "wandb").glob("offline-run-*"))) == 2
    assert not (tmp_path / "wandb").exists(), "WANDB_DIR is honoured"
