"""The table of autoencoders and latent sizes."""

import csv
from pathlib import Path

import pytest

from analysis.latent_table import main
from run_folder import write_config, write_result


def finish(folder: Path, autoencoder: str, size: int, **result: object) -> None:
    folder.mkdir()
    routine = {"autoencoder": autoencoder, "latent_size": size}
    write_config(folder, {"seed": 0, "routine": routine}, [])
    write_result(folder, {name.replace("__", "/"): value for name, value in result.items()})


def test_every_finished_run_is_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finish(tmp_path / "a", "small", 16, oracle__accuracy=0.98764, generator__is_rotation=False)
    finish(tmp_path / "b", "small", 2, oracle__accuracy=1.0, generator__is_rotation=True)
    finish(tmp_path / "c", "mlp", 2)
    (tmp_path / "torn").mkdir()
    assert main([str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    with (tmp_path / "latents.csv").open() as file:
        rows = list(csv.DictReader(file))
    keys = [(row["autoencoder"], row["latent size"]) for row in rows]
    assert keys == [("mlp", "2"), ("small", "2"), ("small", "16")]
    assert [row["oracle"] for row in rows] == ["-", "1", "0.9876"]
    assert [row["is rotation"] for row in rows] == ["-", "yes", "no"]


def test_a_folder_without_runs_takes_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
