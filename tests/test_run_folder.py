"""Run folders: safe names, one process at a time, the same experiment or another one."""

import multiprocessing
import threading
from pathlib import Path

import pytest

from run_folder import (
    Occupied,
    claim,
    difference,
    folder_name,
    has_checkpoint,
    is_done,
    read_overrides,
    read_result,
    write_config,
    write_result,
)

CONFIG = {
    "seed": 0,
    "net": {"widths": [1, 2]},
    "train": {"epochs": 3, "resume": None},
    "tracking": {},
}


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["seed=1"],
        ["dataset.root=/data/../x y", "net.widths=[1,2]"],
        ["name='ä€'"],
        ["..", "."],
        [f"key{number}=value" for number in range(99)],
        ["x" * 300],
        ["x" * 299 + "y"],
    ],
)
def test_a_name_is_safe(words: list[str], tmp_path: Path) -> None:
    name = folder_name(words)
    (tmp_path / name).mkdir()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert name == folder_name(list(reversed(words)))


def test_different_words_have_different_names() -> None:
    names = [folder_name([word]) for word in ("a=/", "a=?", "x" * 300, "x" * 299 + "y", "a=_")]
    assert len(set(names)) == len(names)


def try_to_claim(folder: Path) -> bool:
    """Whether the folder was free."""
    try:
        with claim(folder):
            return True
    except Occupied:
        return False


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        with claim(tmp_path):
            assert not pool.apply(try_to_claim, (tmp_path,))
            assert not try_to_claim(tmp_path)
        assert pool.apply(try_to_claim, (tmp_path,))


def test_who_is_patient_waits_until_the_folder_is_free(tmp_path: Path) -> None:
    with claim(tmp_path), pytest.raises(Occupied), claim(tmp_path, patience=0.2):
        pass
    first = claim(tmp_path)
    first.__enter__()
    leaving = threading.Timer(0.3, first.__exit__, [None, None, None])
    leaving.start()
    with claim(tmp_path, patience=30):
        leaving.join()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert not is_done(tmp_path)
    assert read_overrides(tmp_path) == []
    write_config(tmp_path, CONFIG, ["seed=0"])
    write_result(tmp_path, {"test/accuracy": 0.5})
    assert is_done(tmp_path)
    assert read_overrides(tmp_path) == ["seed=0"]
    assert read_result(tmp_path) == {"test/accuracy": 0.5}
    assert not has_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("change", "same", "continues"),
    [
        ({}, True, True),
        ({"tracking": {"mode": "offline"}}, True, True),
        ({"train": {"epochs": 3, "resume": "x"}}, True, True),
        ({"train": {"epochs": 9, "resume": None}}, False, True),
        ({"measure": {"gallery": {"num_images": 3}}}, False, True),
        ({"task": {"metrics": ["auc"]}}, False, True),
        ({"net": {"widths": [1, 3]}}, False, False),
        ({"net": {"widths": [1, 2], "pool": "max"}}, False, False),
        ({"seed": 1}, False, False),
        ({"conv": {"rank": None}}, True, True),  # the run is older than this setting
        ({"conv": {"rank": 2}}, False, False),
    ],
)
def test_another_experiment_is_noticed(
    tmp_path: Path, change: dict[str, object], same: bool, continues: bool
) -> None:
    write_config(tmp_path, CONFIG, [])
    assert (difference(tmp_path, CONFIG | change) is None) == same
    assert (difference(tmp_path, CONFIG | change, continued=True) is None) == continues


def test_the_difference_is_named(tmp_path: Path) -> None:
    write_config(tmp_path, CONFIG, [])
    assert difference(tmp_path, CONFIG | {"seed": 1}) == f"seed=1: the run in {tmp_path} has seed=0"


@pytest.mark.parametrize("key", ["root", "folder", "download"])
def test_where_data_lie_makes_no_other_experiment(tmp_path: Path, key: str) -> None:
    def placed(at: str) -> dict[str, object]:
        return CONFIG | {"dataset": {key: at, "source": {key: at}}}

    write_config(tmp_path, placed("here"), [])
    assert difference(tmp_path, placed("there")) is None
