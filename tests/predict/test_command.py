"""python -m predict: what it prints and writes, and one line for everything that is wrong."""

import csv
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from predict import find_pictures
from predict.__main__ import main
from tests.discovery import Discovery


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with two pictures, one of them deeper, and with other things."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    Image.new("RGB", (30, 20), "red").save(folder / "deep" / "b.jpg")
    Image.new("L", (9, 9), 99).save(folder / "a.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_a_table_csv_and_json_lines_say_the_same(
    photos: Path, p4_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(p4_run), str(photos), "--top", "2", "--angles", "3"]
    assert main(words) == 0
    table = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in capsys.readouterr().out.splitlines()
    ]
    for name in ("a.csv", "a.jsonl"):
        assert main([*words, "-o", str(tmp_path / name)]) == 0
        assert capsys.readouterr() == ("", "")
    with (tmp_path / "a.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    records = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [{name: str(value) for name, value in record.items()} for record in records] == lines
    assert table[0] == list(records[0])
    assert [row[0] for row in table[2:]] == [record["file"] for record in records]
    assert [record["file"] for record in records[::6]] == [
        str(photos / "a.png"),
        str(photos / "deep" / "b.jpg"),
    ]


def test_damaged_pictures_are_told_and_the_others_answered(
    photos: Path, p4_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "c.png").write_text("no picture")
    gone, output = tmp_path / "gone.png", tmp_path / "answers.csv"
    words = [str(p4_run), str(gone), str(photos), "--output", str(output)]
    assert main(words) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"{gone}: No such file or directory",
        f"{photos / 'c.png'}: not a picture",
    ]
    assert len(output.read_text().splitlines()) == 1 + 2 * 3
    before = output.read_text()
    assert main([words[0], str(gone), "--output", str(output)]) == 1
    assert output.read_text() == before, "nobody has answered"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{autoencoder}", "{photos}"], "its net answers with neither classes nor numbers"),
        (["{tmp}", "{photos}"], "{tmp}: holds no run"),
        (["{tmp}/none", "{photos}"], "{tmp}/none: there is no such run folder"),
        (["{tmp}", "{photos}/deep/none"], "{tmp}: holds no run"),
        (["{tmp}", "{tmp}/empty"], "no pictures in {tmp}/empty"),
        (["{tmp}", "{photos}", "-o", "a.txt"], "a.txt: its name should end in .csv or .jsonl"),
        (["{tmp}", "{photos}", "-o", "{tmp}/no/a.csv"], "{tmp}/no/a.csv: there is no such folder"),
        (["{tmp}", "{photos}", "-o", "{tmp}/folder.csv"], "{tmp}/folder.csv: is a folder"),
        (["{tmp}", "{photos}", "--top", "0"], "--top 0: should be 1 or more"),
        (["{tmp}", "{photos}", "--angles", "1"], "--angles 1: should be 2 or more"),
        (["{tmp}", "{photos}", "--bits", "17"], "--bits 17: should be from 9 to 16"),
        (["{p4_run}", "{photos}", "--package", "a b"], "packages"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    words: list[str],
    told: str,
    photos: Path,
    p4_run: Path,
    discovery: Discovery,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("empty", "folder.csv"):
        (tmp_path / name).mkdir()
    named = {"tmp": tmp_path, "photos": photos, "p4_run": p4_run}
    if "{autoencoder}" in words:
        named["autoencoder"] = discovery["autoencoder"]
    capsys.readouterr()
    assert main([word.format(**named) for word in words]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert told.format(**named) in err
    assert len(err.splitlines()) == 1


def test_places_are_searched_once_and_never_for_ever(photos: Path, tmp_path: Path) -> None:
    (photos / "loop").symlink_to(photos)
    (photos / "dead.png").symlink_to(photos / "none.png")
    (photos / ".hidden.png").touch()
    os.mkfifo(tmp_path / "pipe.png")
    named = [photos / "notes.txt", photos / "a.png", photos, photos / "deep", tmp_path / "pipe.png"]
    found = find_pictures(named)
    inside = ["a.png", "deep/b.jpg", "notes.txt"]
    assert found.names == [str(photos / name) for name in inside]
    assert found.left_out == {
        str(photos / "dead.png"): "a link to nothing",
        str(tmp_path / "pipe.png"): "no regular file",
    }
