"""A net in a folder of plain files: it comes back, and a stranger's folder can do no harm."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from config_schema import complaint
from constructors import LoadedRun, compose, load_pretrained, load_run
from constructors.pretrained import write_pretrained
from predict import predict
from tests.discovery import finished_run
from tests.measures.conftest import TINY


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    """A run that says of its data that they lay in a folder of this machine."""
    folder = tmp_path_factory.mktemp("run")
    finished_run(folder, *TINY[:-1], "train=none", "test=False")
    run = load_run(folder)
    words = ["dataset=rotmnist", f"dataset.root={folder}", f"train.resume={folder}"]
    config = compose(words)
    run.config.dataset, run.config.train = config.dataset, config.train
    return run


@pytest.fixture(scope="module")
def folder(run: LoadedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    write_pretrained(folder := tmp_path_factory.mktemp("net"), run)
    return folder


def test_the_same_net_comes_back(run: LoadedRun, folder: Path, tmp_path: Path) -> None:
    """Bit for bit, with what makes pictures ready for it; places of the machine do not."""
    loaded = load_pretrained(str(folder))
    images = torch.randn(3, 1, *run.spec.size)
    assert torch.equal(loaded.model(images), run.model(images))
    assert loaded.spec == run.spec
    assert not loaded.model.training
    assert not any(each.requires_grad for each in loaded.model.parameters())
    Image.fromarray(np.arange(99, dtype=np.uint8).reshape(9, 11)).save(tmp_path / "a.png")
    said = [predict(each, [tmp_path / "a.png"]).records for each in (run, loaded)]
    assert said[0] == said[1]
    text = (folder / "config.json").read_text()
    assert str(run.folder) not in text
    assert json.loads(text)["config"]["train"]["resume"] is None
    assert loaded.config.net == run.config.net


def test_a_net_that_needs_another_is_refused(run: LoadedRun, tmp_path: Path) -> None:
    task = {"_target_": "tasks.Turning", "autoencoder": "/runs/autoencoder"}
    config: Any = {**run.config, "task": task}
    with pytest.raises(ValueError, match=r"^task\.autoencoder is another run"):
        write_pretrained(tmp_path, replace(run, config=type(run.config)(config)))


def net(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["config"]["net"].update(values)


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        (net(_target_="os.system"), r"net\._target_=os\.system: is not allowed"),
        (net(_target_="models.gcnn.nn.Linear"), r"net\._target_=.*: is not allowed"),
        (net(_target_="tests.test_load_run.OwnNet"), r"net\._target_=.*: is not allowed"),
        (net(hidden_channels="${oc.env:HOME}"), r"config\.json is damaged \(its config is not of"),
        (net(hidden_channels=3), r"model\.safetensors is of another net"),
        (net(colour="red"), r"net\.colour=red: "),
        (lambda content: content["data"].update(num_classes=10**12), r"config\.json is damaged"),
        (lambda content: content.update(data=[]), r"config\.json is damaged"),
        (lambda content: content.update(config="net"), r"config\.json is damaged"),
        (lambda content: content.update(format="2"), r"config\.json was not written by this"),
        (lambda content: content["config"].pop("conv"), r"^conv: is missing$"),
        (
            lambda content: content["config"].update(
                task={"_target_": "tasks.Turning", "autoencoder": "/runs/a"}
            ),
            r"task\.autoencoder names the run of another net",
        ),
    ],
)
def test_a_hostile_config_is_told_in_one_line(
    lie: Callable[[dict[str, Any]], object], told: str, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    content = json.loads((tmp_path / "config.json").read_text())
    content["config"]["packages"] = ["tests"]  # a user's consent is never taken from a folder
    lie(content)
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=told) as caught:
        load_pretrained(tmp_path)
    assert len(str(complaint(caught.value)).splitlines()) == 1


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_damaged_files_are_told_in_one_line(name: str, folder: Path, tmp_path: Path) -> None:
    """Also a pickle in their place, which is not opened."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    whole = (tmp_path / name).read_bytes()
    for content in (whole[:100], whole[: len(whole) // 2], b"", None):
        torch.save({}, tmp_path / name)
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(
            ValueError, match=rf"{name} is damaged \(.*; export it again$"
        ) as caught:
            load_pretrained(tmp_path)
        assert len(str(caught.value).splitlines()) == 1
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=f"there is no file {name}$"):
        load_pretrained(tmp_path)
