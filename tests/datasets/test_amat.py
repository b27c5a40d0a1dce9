"""Damaged amat files: the line is named, and nothing is rounded or cut in silence."""

from collections.abc import Callable
from pathlib import Path

import pytest

from datasets import amat
from datasets.amat import FILES, read_amat
from datasets.spec import MissingData
from tests.datasets.conftest import LABELS, glyphs


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        (-1, "3.7", "label 3.7 in line 5, where 0 to 9 are classes"),
        (-1, "12", "label 12 in line 5"),
        (-1, "-1", "label -1 in line 5"),
        (-1, "nan", "label nan in line 5"),
        (100, "200", "pixels from 0 to 200 in line 5, where 0 to 1 is expected"),
        (100, "-3", "pixels from -3 to "),
        (100, "nan", "pixels from nan to nan in line 5"),
        (100, "inf", "pixels from 0 to inf in line 5"),
    ],
)
def test_a_wrong_number_is_named(
    tmp_path: Path, write_amat: Callable[..., None], column: int, value: str, reason: str
) -> None:
    for name in FILES:
        write_amat(tmp_path / name, glyphs(LABELS[:8]), LABELS[:8])
    path = tmp_path / FILES[1]
    lines = path.read_text().splitlines()
    numbers = lines[4].split()
    numbers[column] = value
    path.write_text("\n".join([*lines[:4], " ".join(numbers), *lines[5:]]))
    read_amat(tmp_path / FILES[0])
    with pytest.raises(MissingData) as caught:
        read_amat(path)
    assert str(caught.value).startswith(f"{FILES[1]} is damaged ({reason}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_a_cut_file_is_noticed(
    tmp_path: Path, write_amat: Callable[..., None], keep: float
) -> None:
    """Also where the cut is at the end of a line."""
    for name in FILES:
        write_amat(tmp_path / name, glyphs(LABELS[:8]), LABELS[:8])
    path = tmp_path / FILES[0]
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    for cut in ("".join(lines[:5]), text[: int(keep * len(text))]):
        path.write_text(cut)
        with pytest.raises(
            MissingData, match=rf"^{FILES[0]} is damaged .*(\d lines, not 8|column)"
        ):
            read_amat(path)


def test_the_published_files_have_so_many_lines() -> None:
    assert list(amat.ROWS.values()) == [12_000, 50_000]
