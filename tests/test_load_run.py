"""A notebook's life: finished runs, their records, configs and nets, from any folder."""

import json
import math
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from PIL import Image

from config_schema import complaint
from constructors import compose, construct_model, load_run, read_metrics
from datasets.recorded_spec import read_spec, write_spec
from datasets.spec import DataSpec
from datasets.truth import Truth
from models.gcnn import GCNN
from predict import predict
from tests.discovery import finished_run

ROOT = Path(__file__).parents[1]
OF_FOLDERS = (  # a relative root, as one types it
    *("dataset=image_folder", "dataset.root=animals", "dataset.size=8", "dataset.fit=pad"),
    *("conv.partial=False", "net.hidden_channels=2", "net.widths=[1]", "net.pools=[]"),
    *("train.epochs=1", "train.warmup_epochs=0", "net.last_kernel_size=null"),
)


class OwnNet(GCNN):
    """A class that no run folder may name by itself."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a net trained on folders of pictures, which are gone since."""
    home = tmp_path_factory.mktemp("home")
    for name, colour in (("cat", "red"), ("dog", "blue")):
        (home / "animals" / name).mkdir(parents=True)
        for number in range(8):
            Image.new("RGB", (9 + number, 20), colour).save(
                home / "animals" / name / f"{number}.png"
            )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        finished_run(home / "run", *OF_FOLDERS)
    shutil.rmtree(home / "animals")
    return home / "run"


def test_a_trained_net_is_loaded_from_any_folder(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by one who has not the data, and a picture is still made ready as in the training."""
    monkeypatch.chdir(tmp_path)
    run = load_run(str(trained))
    assert (run.spec.class_names, run.spec.fit, run.spec.size) == (("cat", "dog"), "pad", (8, 8))
    assert run.config.dataset.root == "animals"
    assert not run.model.training
    assert not any(each.requires_grad for each in run.model.parameters())
    saved = torch.load(trained / "checkpoints" / "best.pt", weights_only=True)["model"]
    assert all(torch.equal(value, saved[name]) for name, value in run.model.state_dict().items())
    Image.new("RGB", (9, 20), "red").save("a.png")
    assert {each["class"] for each in predict(run, ["a.png"]).records} == {"cat", "dog"}


def test_a_folder_from_before_a_setting_went_is_loaded(trained: Path, tmp_path: Path) -> None:
    """Data sets said how many threads read them, which train.workers says now."""
    shutil.copytree(trained, folder := tmp_path / "run")
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["dataset"]["num_workers"] = 4
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    assert load_run(folder).spec == load_run(trained).spec


def test_configs_and_nets_come_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = compose(["net.hidden_channels=4", "base_group.num_samples=4"])
    assert construct_model(config).eval()(torch.zeros(1, 1, 16, 16)).shape == (1, 10)


def test_records_are_flat(trained: Path, tmp_path: Path) -> None:
    (record,) = read_metrics(str(trained))
    assert {"epoch", "step", "train/loss", "val/accuracy"} <= set(record)
    assert all(value is None or isinstance(value, int | float) for value in record.values())
    assert read_metrics(tmp_path) == [], "it has recorded nothing yet"
    with pytest.raises(ValueError, match="there is no such run folder"):
        read_metrics(str(tmp_path / "none"))


def test_own_classes_need_the_word_of_their_owner(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, folder := tmp_path / "run")
    config = (folder / "config.yaml").read_text()
    config = config.replace("models.gcnn.GCNN", f"{__name__}.OwnNet")
    (folder / "config.yaml").write_text(config)
    with pytest.raises(ValueError, match=r"net\._target_=.*: is not allowed"):
        load_run(folder)
    loaded = load_run(folder, packages=[__name__.partition(".")[0]])
    assert type(loaded.model).__name__ == "OwnNet"


@pytest.mark.parametrize("lost", ["result.json", "config.yaml", "checkpoints/best.pt", "."])
def test_an_unfinished_or_damaged_run_is_told_in_one_line(
    lost: str, trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained, folder := tmp_path / "run")
    if lost == ".":
        shutil.rmtree(folder)
    else:
        (folder / lost).unlink()
    with pytest.raises((ValueError, OSError)) as caught:
        load_run(str(folder))
    told = complaint(caught.value)
    assert told is not None
    assert len(told.splitlines()) == 1
    assert str(folder) in told


SPEC = DataSpec(3, 2, (8, 8), (0.5,) * 3, (0.25,) * 3, ("cat", "dog"), fit="stretch", bits=12)


def test_what_is_recorded_is_read_again(tmp_path: Path) -> None:
    assert read_spec(tmp_path) is None
    cells = DataSpec(1, None, (8, 9), (0,), (-1,), target_size=2, target_names=("a", "b"))
    known = replace(SPEC, truth=Truth(45, 2, "counts", 0.5))
    for spec in (SPEC, cells, known):
        write_spec(tmp_path, spec)
        assert read_spec(tmp_path) == spec


@pytest.mark.parametrize(
    "lie",
    [
        {"in_channels": 0},
        {"in_channels": 2},
        {"in_channels": "many"},
        {"num_classes": None},
        {"num_classes": 3},
        {"size": [8]},
        {"size": [8, -1]},
        {"mean": [math.nan] * 3},
        {"std": [1, 0, 1]},
        {"class_names": "cd"},
        {"fit": "sideways"},
        {"bits": 3},
        {"truth": {"within": 90, "orientations": 4}},
    ],
    ids=str,
)
def test_a_record_that_cannot_be_is_told(lie: dict[str, Any], tmp_path: Path) -> None:
    write_spec(tmp_path, SPEC)
    content = json.loads((tmp_path / "data.json").read_text())
    (tmp_path / "data.json").write_text(json.dumps({**content, **lie}))
    with pytest.raises(ValueError, match=r"data\.json is damaged") as caught:
        read_spec(tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_config_reads_nothing_of_the_machine(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, folder := tmp_path / "run")
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("root: animals", "root: ${oc.env:HOME}"))
    with pytest.raises(ValueError, match=r"config\.yaml is damaged \(it refers to other values\)"):
        load_run(folder)


def test_a_net_of_impossible_size_is_told(trained: Path, tmp_path: Path) -> None:
    """A stranger's folder may say anything."""
    shutil.copytree(trained, folder := tmp_path / "run")
    content = json.loads((folder / "data.json").read_text())
    many = {"num_classes": 10**12, "class_names": []}
    (folder / "data.json").write_text(json.dumps({**content, **many}))
    with pytest.raises(ValueError, match=r"^net: ") as caught:
        load_run(folder)
    assert len(str(caught.value).splitlines()) == 1


def test_an_editable_installation_is_found_from_any_folder(tmp_path: Path) -> None:
    """By a Python that looks at neither its folder nor the environment's variables."""
    found = distributions(name="partial_equiv")  # also the checkout itself, once it was built
    origins = [json.loads(each.read_text("direct_url.json") or "{}").get("url") for each in found]
    if ROOT.as_uri() not in origins:
        pytest.skip("another checkout is installed here")
    names = ["constructors", "tracking", "predict", "partial_equiv"]
    script = f"from importlib.util import find_spec; [print(find_spec(n).origin) for n in {names}]"
    words = [sys.executable, "-I", "-c", script]
    told = subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, text=True)
    places = [Path(line) for line in told.stdout.splitlines()]
    assert places == [ROOT / name / "__init__.py" for name in names]
