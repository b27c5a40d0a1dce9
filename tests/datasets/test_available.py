"""A cheap look for files: it names what is missing, reads nothing, and creates nothing."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

from constructors import components, compose
from datasets.amat import FILES
from datasets.dataset import DataSet
from datasets.image_folder import ImageFolder
from datasets.mnist import MNIST
from datasets.pcam import ARCHIVES, PCam
from datasets.rotmnist import RotMNIST
from datasets.spec import MissingData
from datasets.unit_cells import StoredCells
from tests.datasets.conftest import LABELS, glyphs

OPTIONS = sorted(path.stem for path in (Path(__file__).parents[2] / "cfg" / "dataset").iterdir())
GENERATED = {
    *("digits", "digits6_180", "known_symmetry", "orbits", "plain_digits", "turned_picture"),
    "unit_cells",
}


def made(option: str) -> DataSet:
    """Return a shipped data set that may not download; raises MissingData."""
    config = compose([f"dataset={option}"])
    OmegaConf.set_readonly(config, False)
    for node in (config.dataset, config.dataset.get("source") or {}):
        if "download" in node:
            node.download = False
    sections = components(config)
    return sections["dataset"].construct({}, sections)


@pytest.mark.parametrize("option", OPTIONS)
def test_missing_files_are_told_of_every_data_set(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "nowhere"))
    if option in GENERATED:
        made(option).check_available()
    else:
        with pytest.raises(MissingData) as caught:
            made(option).check_available()
        assert "\n" not in str(caught.value)
        assert f"looked in {tmp_path / 'nowhere'}" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_files_that_are_there_are_not_read(
    mnist_root: Path,
    tmp_path: Path,
    write_amat: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.save({}, tmp_path / "cells.pt")
    for label in ("a", "b"):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        Image.new("L", (4, 4)).save(tmp_path / "pictures" / label / "0.png")
    available = [
        MNIST(str(mnist_root), download=False),
        RotMNIST(str(mnist_root), download=False),
        StoredCells(str(tmp_path / "cells.pt")),
        ImageFolder(str(tmp_path / "pictures")),
    ]
    write_amat(tmp_path / "half" / FILES[0], glyphs(LABELS), LABELS)
    half = RotMNIST(str(tmp_path / "half"))
    with monkeypatch.context() as patched:
        patched.setattr(io, "open", lambda *_: pytest.fail("opened"))
        patched.setattr("builtins.open", lambda *_: pytest.fail("opened"))
        for each in available:
            each.check_available()
        with pytest.raises(MissingData, match=f"rotated MNIST is missing {FILES[1]}; looked in"):
            half.check_available()
    MNIST(str(tmp_path / "no"), download=True).check_available()


def test_pcam_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without gdown a download cannot work; the archives by hand can."""
    monkeypatch.setattr("datasets.pcam.find_spec", lambda _: None)
    with pytest.raises(MissingData, match=r"^PCam is missing camelyonpatch_\w+_train_x.h5, ") as no:
        PCam(str(tmp_path)).check_available()
    assert f"put the archives *.h5.gz of {ARCHIVES} into that folder, or `pip install" in str(
        no.value
    )
    (tmp_path / "pcam").mkdir()
    for name in PCam(str(tmp_path)).files.md5:
        (tmp_path / "pcam" / f"{name}.gz").touch()
    PCam(str(tmp_path), download=False).check_available()
    monkeypatch.setattr("datasets.pcam.find_spec", lambda _: "there")
    PCam(str(tmp_path / "elsewhere")).check_available()
