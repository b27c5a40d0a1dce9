"""Contracts: what each section may name, and that nothing else is so much as called."""

import sys
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from omegaconf import OmegaConf

from config_schema import ConfigError
from constructors import INJECTED, check, components, compose, construct_model
from contracts import CONTRACTS

PLAIN = OmegaConf.to_container(compose())


def refused(section: str, node: Mapping[str, object]) -> str:
    """What is said of a config whose section is another node."""
    assert isinstance(PLAIN, dict)
    with pytest.raises(ConfigError) as caught:
        check(OmegaConf.create({**PLAIN, section: node}))
    return str(caught.value)


def test_every_section_has_a_contract() -> None:
    assert set(CONTRACTS) == set(INJECTED)


@pytest.mark.parametrize(
    ("section", "target"),
    [
        ("net", "torchvision.models.resnet18"),
        ("net", "torch.nn.Identity"),
        ("net", "models.polyphase.Polyphase"),
        ("net", "models.readout.readout"),
        ("net", "partial_equiv.gconv.GroupConv"),
        ("net", "tasks.Classification"),
        ("conv", "partial_equiv.gconv.LiftingConv"),
        ("conv", "partial_equiv.gconv.Convolution"),
        ("kernel", "partial_equiv.ck.Kernel"),
        ("kernel", "partial_equiv.groups.SO2"),
        ("base_group", "partial_equiv.groups.SO2"),
        ("base_group", "partial_equiv.sampling.samplings"),
        ("relaxation", "partial_equiv.relaxations.Layer"),
        ("relaxation", "partial_equiv.relaxations.Relaxation"),
        ("task", "torch.nn.CrossEntropyLoss"),
        ("task", "tasks.Task"),
        ("train", "trainer.FitResult"),
        ("tracking", "torch.nn.Identity"),
        ("tracking", "tracking.Tracker"),
        ("tracking", "tracking.save_view"),
        ("dataset", "torchvision.datasets.MNIST"),
        ("dataset", "datasets.spec.Splits"),
        ("dataset", "datasets.spec.DataSet"),
        ("dataset", "datasets.unit_cells.division.Division"),
        ("dataset", "models.gcnn.GCNN"),
    ],
)
def test_a_section_takes_only_what_it_is_for(section: str, target: str) -> None:
    node = {"_target_": target, "_partial_": CONTRACTS[section].factory}
    told = refused(section, node)
    assert told.startswith(f"{section}._target_={target}: ")
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("section", [name for name in INJECTED if not CONTRACTS[name].many])
def test_a_section_is_a_factory_or_it_is_none(section: str) -> None:
    assert isinstance(PLAIN, dict)
    partial = not CONTRACTS[section].factory
    told = refused(section, {**PLAIN[section], "_partial_": partial})
    expected = "false" if partial else "true"
    assert told == f"{section}._partial_={str(partial).lower()}: should be {expected}"


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, list[str]]]:
    """A server on the loopback address, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}", asked
        http.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "node",
    [
        {"_target_": "torchvision.datasets.utils.download_url", "url": "URL", "root": "ROOT"},
        {
            "_target_": "torchvision.datasets.utils.extract_archive",
            "from_path": "ROOT/kept.zip",
            "remove_finished": True,
        },
        {"_target_": "torch.hub.load", "repo_or_dir": "ROOT", "source": "local", "model": "a"},
        {"_target_": "torch.hub.download_url_to_file", "url": "URL", "dst": "ROOT/made"},
        {"_target_": "joblib.load", "filename": "ROOT/kept.zip"},
        {"_target_": "torch.load", "f": "ROOT/kept.zip", "weights_only": False},
        {"_target_": "torch.nn.Module.load_state_dict"},
        {"_target_": "datasets.files.torch.load", "f": "ROOT/kept.zip"},
    ],
)
@pytest.mark.parametrize("place", ["dataset", "net", "tracking", "dataset.source", "net.inner"])
def test_a_config_of_a_stranger_calls_nothing(
    place: str, node: dict[str, Any], server: tuple[str, list[str]], tmp_path: Path
) -> None:
    url, asked = server
    (tmp_path / "kept.zip").write_bytes(b"PK")
    node = {
        key: value.replace("URL", url).replace("ROOT", str(tmp_path))
        if isinstance(value, str)
        else value
        for key, value in node.items()
    }
    section, _, name = place.partition(".")
    hosts = {"dataset": "datasets.orbits.Orbits", "net": "models.augerino.Augerino"}
    told = refused(section, {"_target_": hosts[section], name: node} if name else node)
    assert f"{place}._target_={node['_target_']}: is not allowed" in told
    assert [path.name for path in tmp_path.iterdir()] == ["kept.zip"]
    assert not asked


NET = """
from torch import nn


class Net(nn.Linear):
    def __init__(self, in_channels: int, num_outputs: int, size: tuple[int, int], scale: float):
        super().__init__(in_channels * size[0] * size[1], num_outputs)
        self.scale = scale

    def forward(self, x):
        return self.scale * super().forward(x.flatten(1))


def make(in_channels):
    raise SystemExit
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package of a user's, in a folder of its own."""
    (tmp_path / "mypackage").mkdir()
    (tmp_path / "mypackage" / "__init__.py").write_text(NET)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "mypackage"
    sys.modules.pop("mypackage", None)


def test_a_package_of_the_users_needs_the_users_word(package: str) -> None:
    config = OmegaConf.create(OmegaConf.to_container(compose()))
    config.net = {"_target_": f"{package}.Net", "scale": 2.0}
    with pytest.raises(ConfigError, match="is not allowed") as caught:
        components(config)
    assert "packages=[mypackage] on the command line" in str(caught.value)
    assert package not in sys.modules, "it is not even imported"
    config.packages = [package]
    model = construct_model(config)
    assert (type(model).__module__, model.scale, model.out_features) == (package, 2.0, 10)
    config.net = {"_target_": f"{package}.make"}
    with pytest.raises(ConfigError, match="should name a net of models"):
        components(config)
    config.net = {"_target_": "os.system", "command": "true"}
    with pytest.raises(ConfigError, match="is not allowed"):
        components(config)


@pytest.mark.parametrize("packages", [["a b"], ["../x"], "mypackage", None, [3]])
def test_packages_are_names(packages: object) -> None:
    assert "packages" in refused("packages", packages)  # type: ignore[arg-type]
