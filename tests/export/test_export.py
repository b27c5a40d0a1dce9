"""An exported net answers as the net does, is as equivariant, and is there whole or not at all."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor

from constructors import LoadedRun, load_run
from export import FORMATS, Checked, export
from export.__main__ import main
from export.formats import Format
from tests.discovery import finished_run
from tests.imports import source_files
from tests.measures.conftest import TINY

ROOT = Path(__file__).parents[2]
SMALL = ("train=none", "net.hidden_channels=2", "net.widths=[1]", "net.pools=[0]")
PER_IMAGE = ("relaxation=input_subset", "net.last_kernel_size=null", "base_group.num_samples=4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of a p4 net, which is invariant to quarter turns."""
    folder = tmp_path_factory.mktemp("run")
    finished_run(folder, *TINY[:-1], "train=none", "dataset.test_size=40")
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> LoadedRun:
    return load_run(folder)


@pytest.fixture(scope="module")
def written(
    run: LoadedRun, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, Checked]]:
    """The net in some format, exported once for all tests."""

    @cache
    def write(form: str) -> tuple[Path, Checked]:
        place = tmp_path_factory.mktemp(form) / "net"
        return place, export(run, form, place)

    return write


def exported(folder: Path) -> dict[str, bytes]:
    """All files of a folder; none if it is not there."""
    return {each.name: each.read_bytes() for each in folder.iterdir()} if folder.exists() else {}


class Lying(Format):
    """Writes a file quickly, and reads another net from it."""

    files = ("model.lie",)
    library, usage = "none", ""

    def __init__(self, answer: Callable[[LoadedRun, Tensor], Tensor]) -> None:
        self.answer = answer

    def write(self, folder: Path, run: LoadedRun) -> None:
        (folder / "model.lie").write_text("new")

    def read(self, folder: Path, run: LoadedRun) -> Callable[[Tensor], Tensor]:
        return lambda images: self.answer(run, images)


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_answers_as_the_net_for_any_batch(
    form: str, run: LoadedRun, written: Callable[[str], tuple[Path, Checked]]
) -> None:
    for module in FORMATS[form].needs:
        pytest.importorskip(module)
    place, checked = written(form)
    assert checked.difference < 1e-5
    assert checked.of_net is not None
    assert checked.of_file == pytest.approx(checked.of_net, abs=1e-4) == pytest.approx(0, abs=1e-4)
    assert (checked.images, checked.moves) == ("40 test images", "rot90, rot180, rot270")
    readme = (place / "README.md").read_text()
    assert all(line in readme for line in checked.lines)
    assert "any number of images. Height and width are fixed: where" in readme
    assert {*exported(place)} == {*FORMATS[form].files, "README.md"}
    net = FORMATS[form].read(place, run)
    for batch in (1, 5):
        images = torch.randn(batch, 1, *run.spec.size)
        torch.testing.assert_close(net(images), run.model(images), rtol=1e-5, atol=1e-5)
    assert [each.name for each in place.parent.iterdir()] == ["net"]


def test_a_pt2_file_needs_nothing_of_ours(
    run: LoadedRun, written: Callable[[str], tuple[Path, Checked]]
) -> None:
    place, _ = written("pt2")
    ours = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in source_files(ROOT)}
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({sorted(ours)})); import torch; "
        "net = torch.export.load('model.pt2').module(); "
        f"print(net(torch.ones(3, 1, *{run.spec.size})).sum().item())"
    )
    words = [sys.executable, "-I", "-c", script]
    told = subprocess.run(words, cwd=place, check=True, capture_output=True, text=True)
    wanted = run.model(torch.ones(3, 1, *run.spec.size)).sum().item()
    assert float(told.stdout) == pytest.approx(wanted, rel=1e-4, abs=1e-5)


def wrong_answers(run: LoadedRun, images: Tensor) -> Tensor:
    """Those of a file that differ by 1 % of the largest one."""
    found = run.model(images)
    return found + 0.01 * found.abs().max()


def wrong_turns(run: LoadedRun, images: Tensor) -> Tensor:
    """Those of a file that is right on test images, and not on turned ones."""
    tests, _ = next(run.build.splits.test.batches(40))
    known = (images[:, None] == tests).flatten(2).all(2).any(1)  # [B]
    found = run.model(images)
    return torch.where(known[:, None], found, found.flip(1))


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        (wrong_answers, "it answers otherwise than the net, by 0.01 of the largest answer"),
        (wrong_turns, "its equivariance error is "),
        (lambda run, images: run.model(images)[:, :-1], "it gives answers of other shapes"),
    ],
)
def test_a_file_that_does_not_agree_is_deleted(
    lie: Callable[[LoadedRun, Tensor], Tensor],
    told: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And the one of an earlier export stays as it was."""
    monkeypatch.setattr("export.exporting.FORMATS", {"lie": Lying(lie)})
    place = tmp_path / "net"
    words = [str(folder), "--format", "lie", "--output", str(place)]
    for before in ({}, {"model.lie": b"old"}):
        for name, content in before.items():
            place.mkdir()
            (place / name).write_bytes(content)
        assert main(words) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"{folder}: cannot be exported as lie: {told}")
        assert exported(place) == before
        assert len([*tmp_path.iterdir()]) == len(before)


def test_what_is_interrupted_leaves_nothing_and_what_is_right_replaces(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(run: LoadedRun, images: Tensor) -> Tensor:
        raise KeyboardInterrupt

    honest = Lying(lambda run, images: run.model(images))
    words = [str(folder), "--format", "lie", "-o", str(tmp_path / "net")]
    (tmp_path / ".net.unfinished").mkdir()  # of a process that was killed
    for number in range(2):
        monkeypatch.setattr("export.exporting.FORMATS", {"lie": Lying(interrupt)})
        assert main(words) == 130
        assert len([*tmp_path.iterdir()]) == number
        monkeypatch.setattr("export.exporting.FORMATS", {"lie": honest})
        assert main(words) == 0
        out = capsys.readouterr().out.splitlines()
        assert (len(out), out[0]) == (3, str(tmp_path / "net"))
        assert exported(tmp_path / "net")["model.lie"] == b"new"
        (tmp_path / "net" / "model.lie").write_text("old")
    assert [each.name for each in tmp_path.iterdir()] == ["net"]


def test_without_the_data_random_images_serve(
    run: LoadedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path of this machine is not told to those who get the file."""
    away: Any = {"_target_": "datasets.rotmnist.RotMNIST", "root": str(tmp_path / "gone")}
    run = replace(run, config=OmegaConf.create({**run.config, "dataset": away}))
    monkeypatch.setattr("export.exporting.FORMATS", {"lie": Lying(lambda run, x: run.model(x))})
    checked = export(run, "lie", tmp_path / "net")
    assert checked.images.startswith("64 random images of the data's mean and deviation (the data")
    assert str(tmp_path) not in (tmp_path / "net" / "README.md").read_text()


@pytest.fixture(scope="module")
def per_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose images have kernels of their own."""
    folder = tmp_path_factory.mktemp("per_image")
    finished_run(folder, *SMALL, *PER_IMAGE, "test=False")
    return folder


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{run}", "--format", "tflite"], "--format tflite: should be onnx, pt2 or safetensors"),
        (["{tmp}", "--format", "pt2"], "{tmp}: holds no run"),
        (["{tmp}/torn", "--format", "pt2"], "{tmp}/torn: the run is not finished;"),
        (["{tmp}/no", "--format", "pt2"], "{tmp}/no: there is no such folder"),
        (["{run}", "--format", "pt2", "-o", "{tmp}/file"], "{tmp}/file: is a file"),
        (["{run}", "--format", "pt2", "-o", "{tmp}"], "{tmp}: holds file, give a folder of its"),
        (["{per_image}", "--format", "pt2"], "cannot be exported as pt2: the kernels of "),
        (["{run}", "--format", "onnx"], "--format onnx: onnx is not installed, which this format"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    words: list[str],
    told: str,
    folder: Path,
    per_image: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("export.formats.find_spec", lambda name: None)
    (tmp_path / "file").touch()
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "config.yaml").write_bytes((folder / "config.yaml").read_bytes())
    named = {"tmp": tmp_path, "run": folder, "per_image": per_image}
    capsys.readouterr()
    assert main([word.format(**named) for word in words]) == 1
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert told.format(**named) in err
