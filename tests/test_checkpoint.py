"""Checkpoints: atomic, plain, refused when they are anything else."""

import pickle
import zipfile
from pathlib import Path

import pytest
import torch

import checkpoint

CONTENT = {"model": {"weight": torch.arange(3.0)}, "epoch": 3, "history": [{"loss": 0.5}]}


def test_round_trip_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "last.pt"
    checkpoint.save(path, CONTENT)
    checkpoint.save(path, CONTENT | {"epoch": 4})
    content = checkpoint.load(path)
    assert content["epoch"] == 4
    assert content["history"] == CONTENT["history"]
    assert torch.equal(content["model"]["weight"], torch.arange(3.0))
    assert [file.name for file in path.parent.iterdir()] == ["last.pt"]


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(path, CONTENT)
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        checkpoint.save(path, {"generator": (value for value in "abc")})
    assert checkpoint.load(path)["epoch"] == 3


class Bomb:
    """Unpickling it would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def damaged(path: Path) -> None:
    checkpoint.save(path, CONTENT)
    path.write_bytes(path.read_bytes()[:300])


def flipped(path: Path) -> None:
    checkpoint.save(path, CONTENT)
    content = bytearray(path.read_bytes())
    place = content.index(torch.arange(3.0).numpy().tobytes())
    content[place] ^= 1
    path.write_bytes(content)


def archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("letter.txt", "hello")


FOREIGN = {
    "missing": lambda path: None,
    "folder": lambda path: path.mkdir(),
    "empty": lambda path: path.touch(),
    "text": lambda path: path.write_text("hello, world"),
    "zip": archive,
    "truncated": damaged,
    "one bit wrong": flipped,
    "another program's": lambda path: torch.save({"state_dict": {}}, path),
    "a list": lambda path: torch.save([1, 2], path),
}


@pytest.mark.parametrize("write", FOREIGN.values(), ids=FOREIGN.keys())
def test_anything_else_is_one_clear_line(tmp_path: Path, write: object) -> None:
    path = tmp_path / "last.pt"
    write(path)
    with pytest.raises(ValueError, match="checkpoint") as caught:
        checkpoint.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_code_is_never_executed(tmp_path: Path) -> None:
    path, trace = tmp_path / "last.pt", tmp_path / "trace"
    torch.save({"format": checkpoint.FORMAT, "bomb": Bomb(trace)}, path)
    with pytest.raises(ValueError, match="refused"):
        checkpoint.load(path)
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists()  # the bomb is a real one


def test_a_bare_pickle_is_not_even_opened(tmp_path: Path) -> None:
    path, trace = tmp_path / "last.pt", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Bomb(trace)))
    with pytest.raises(ValueError, match="cannot be read"):
        checkpoint.load(path)
    assert not trace.exists()


def test_generator_states_continue_the_stream() -> None:
    states = checkpoint.generator_states()
    first = torch.rand(5)
    checkpoint.set_generator_states(states)
    assert torch.equal(first, torch.rand(5))
