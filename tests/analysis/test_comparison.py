"""Comparison of a sweep's rows: files in, tables and a figure out."""

import csv
from pathlib import Path

import pytest

from analysis.comparison import main, read_rows
from run_folder import folder_name, write_config, write_result

ACCURACY = {
    "mnist_A": {0: 0.90, 1: 0.92, 2: 0.94},
    "mnist_B": {0: 0.88, 1: 0.91, 2: 0.92, 3: 0.1},
    "cifar_A": {0: 0.5},
}


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A sweep's folder, with a job that has no result yet."""
    for name, values in ACCURACY.items():
        for seed, accuracy in values.items():
            words = [f"+experiment=small/{name}", "tracking=none", f"seed={seed}"]
            place = tmp_path / folder_name(words)
            place.mkdir()
            dataset = {"_target_": name.partition("_")[0], "root": f"disk{seed}"}
            write_config(place, {"seed": seed, "dataset": dataset}, words)
            result = {"test/accuracy": accuracy, "test/loss": 1 - accuracy, "parameters": 7}
            write_result(place, result | {"seconds/train": 10.0 + 2 * seed})
    (tmp_path / "torn").mkdir()
    return tmp_path


def test_rows_are_told_apart_by_all_words_but_the_seed(sweep: Path) -> None:
    rows = read_rows(sweep)
    assert {name: row.values for name, row in rows.items()} == ACCURACY
    assert sorted(rows["mnist_A"].seconds) == [10, 12, 14]
    assert rows["mnist_A"].data == rows["mnist_B"].data != rows["cifar_A"].data
    assert read_rows(sweep, "test/loss")["cifar_A"].values == {0: 0.5}


def test_flags_and_numbers_are_told_with_their_key(tmp_path: Path) -> None:
    for value in ("True", "False", "0.5"):
        place = tmp_path / folder_name([f"conv.partial={value}"])
        place.mkdir()
        write_config(place, {"seed": 0}, ["seed=0", f"conv.partial={value}"])
        write_result(place, {"test/accuracy": 1.0})
    names = {"conv.partial=True", "conv.partial=False", "conv.partial=0.5"}
    assert set(read_rows(tmp_path)) == names


def test_rows_of_several_words_are_named_by_them(tmp_path: Path) -> None:
    for partial in ("True", "False"):
        for words in ([f"conv.partial={partial}"], [f"conv.partial={partial}", "net=ckresnet"]):
            place = tmp_path / folder_name(words)
            place.mkdir()
            write_config(place, {"seed": 0}, ["seed=0", *words])
            write_result(place, {"test/accuracy": 1.0})
    assert set(read_rows(tmp_path)) == {
        "conv.partial=True",
        "conv.partial=False",
        "conv.partial=True,net=ckresnet",
        "conv.partial=False,net=ckresnet",
    }


def test_a_metric_that_is_not_finite_is_no_traceback(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for word, result in (("seed=5", {"test/accuracy": float("nan")}), ("seed=6", {})):
        place = sweep / folder_name(["+experiment=small/cifar_A", word])
        place.mkdir()
        dataset = {"_target_": "cifar"}
        words = ["+experiment=small/cifar_A", "tracking=none", word]
        write_config(place, {"seed": int(word[-1]), "dataset": dataset}, words)
        write_result(place, {"test/accuracy": None} | result)
    assert main([str(sweep), "--claim", "cifar_A >= mnist_A"]) == 0
    shown = capsys.readouterr().out
    assert "| cifar_A | nan | - | 3 | nan | 0 |" in shown
    assert "| cifar_A >= mnist_A | undecided |" in shown
    write_result(place, {"test/accuracy": "high"})
    assert main([str(sweep)]) == 1
    assert "result.json is damaged (test/accuracy is no number)" in capsys.readouterr().err


def test_tables_are_written_and_shown(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claim = "mnist_A >= mnist_B - 0.002"
    assert main([str(sweep), "--claim", claim]) == 0
    shown = capsys.readouterr().out
    assert (sweep / "comparison.md").read_text() == shown
    assert "| mnist_A | 0.9200 | 0.0200 | 3 | 12 | 7 |" in shown
    assert "| mnist_A - mnist_B | +0.0167 | +0.0023 | +0.0310 | 3 |" in shown
    assert f"| {claim} | supported | +0.0167 | +0.0023 | +0.0310 | 3 |" in shown
    with (sweep / "differences.csv").open(newline="") as file:
        assert [line[0] for line in csv.reader(file)] == ["difference", "mnist_A - mnist_B"]
    assert (sweep / "rows.png").read_bytes().startswith(b"\x89PNG")
    assert main([str(sweep), "--pair", "cifar_A", "mnist_A"]) == 0
    assert "| cifar_A - mnist_A | -0.4000 | -inf | +inf | 1 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--claim", "mnist_A >= mnist_C"], "there is no row mnist_C, only cifar_A, mnist_A"),
        (["--claim", "mnist_A is best"], "should be written A >= B"),
        (["--pair", "mnist_A", "x"], "there is no row x, only cifar_A"),
        (["--metric", "test/f1"], "test/f1: is not in "),
    ],
)
def test_a_wrong_word_takes_one_line(
    sweep: Path, capsys: pytest.CaptureFixture[str], words: list[str], complaint: str
) -> None:
    assert main([str(sweep), *words]) == 1
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def test_an_empty_folder_takes_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    assert "holds no job with a result" in capsys.readouterr().err
