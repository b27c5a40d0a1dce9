"""net.parameters: every net and every relaxation is made as large as it is asked to be."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from config_schema import ConfigError
from constructors import Build, compose, construct_model, load_run, matched, width
from partial_equiv.gconv.initialisation import any_scale
from run_folder import difference
from tests import shipped
from tests.terminal import Terminal

SMALL = ("base_group.num_samples=4", "kernel.hidden_channels=4")
GRID = ("kernel=grid", "base_group=mirror", "conv.partial=False")
CELLS = ("dataset=unit_cells", "task=regression")
VAE = ("task=elbo", "conv.partial=False")
NETS = {  # the words that an option needs, and hidden_channels of a net to have about as many as
    "gcnn": (SMALL, 11),
    "gcnn_max": (SMALL, 11),
    "p4cnn": ((*GRID, "dataset.size=28"), 13),
    "ckresnet": ((*SMALL, "net.shortcut_kernel_channels=4"), 9),
    "resnet44": ((*GRID, "net.blocks=[1,1,1]"), 9),
    "resnet18": ((*GRID, "net.blocks=[1,1,1,1]"), 9),
    "parity": (GRID, 21),
    "one_conv": (GRID, 60),
    "cells": ((*CELLS, "net.shifts=polyphase", "base_group=dihedral"), 9),
    "vae_small": (VAE, 13),
    "vae_deep": (VAE, 13),
    "vae_equivariant": ((*VAE, *SMALL), 6),
}


def has_channels(name: str) -> bool:
    """Whether a net has a width to choose."""
    settings = shipped.settings("net", name)
    return "hidden_channels" in (settings.get("net") or settings)


def parameters(words: Sequence[str]) -> int:
    """How many parameters the net of these words has."""
    with any_scale():
        return sum(each.numel() for each in construct_model(compose(words)).parameters())


def test_every_net_with_channels_is_tried() -> None:
    assert set(NETS) == {name for name in shipped.names("net") if has_channels(name)}


@pytest.mark.parametrize("name", NETS)
def test_a_net_has_the_parameters_that_it_is_asked_for(name: str) -> None:
    """Those of a net that there is, to 1 %; and between two of these, where it has layers."""
    (words, channels) = NETS[name]
    words = (f"net={name}", *words)
    there = parameters([*words, f"net.hidden_channels={channels}"])
    wanted = round(there * 1.006)
    config = matched(compose([*words, f"net.parameters={wanted}"]))
    assert config.net.hidden_channels == channels
    assert config.net.parameters is None
    if "widths" in config.net:
        wanted = round(there * 1.04)
        assert parameters([*words, f"net.parameters={wanted}"]) == pytest.approx(wanted, rel=0.01)


@pytest.mark.parametrize("name", shipped.names("relaxation"))
@pytest.mark.parametrize("net", ["gcnn", "ckresnet"])
def test_so_has_one_with_any_relaxation(net: str, name: str) -> None:
    words = [f"net={net}", f"relaxation={name}", "conv.partial=True", "kernel.hidden_channels=4"]
    group = ["base_group=cyclic", "base_group.order=4"]
    try:
        parameters(words)
    except ConfigError:  # it is for finite groups
        words += group
    found = parameters([*words, "net.parameters=12000"])
    assert found == pytest.approx(12000, rel=0.01)


@pytest.mark.parametrize("penalty", shipped.names("penalty"))
def test_penalties_have_no_parameters(penalty: str) -> None:
    words = ["net=parity", "net.parameters=9000", *GRID]
    assert parameters(words) == parameters([*words, f"penalty=[{penalty}]"])


def test_a_net_within_a_net_is_asked_by_its_key() -> None:
    words = ["net=augerino", "base_group=T2", "conv.partial=False", "kernel.hidden_channels=4"]
    assert parameters([*words, "net.inner.parameters=8000"]) == pytest.approx(8000, rel=0.01)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["net.parameters=0"], "net.parameters=0: should be greater than or equal to 1"),
        (["net.parameters=a"], "net.parameters=a: should be an integer"),
        (["net.parameters=9"], "hidden_channels=1 makes .* already, not within 1 %; write net.hid"),
        (["+kernel.parameters=9"], "kernel.parameters=9: Siren takes no parameters"),
        (["net=vae_mlp", "task=elbo", "+net.parameters=9"], "MLPVAE takes no parameters, only"),
        (
            ["net=one_conv", "net.parameters=100"],
            "net.parameters=100: hidden_channels=4 makes 90, 5",
        ),
        (["net.parameters=9000", "net.pools=[9]"], "net.pools=.*: the last layer is number 3"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(words: list[str], told: str) -> None:
    small = [] if "task=elbo" in words or "+kernel" in words[0] else list(SMALL)
    if "net=one_conv" in words:
        small = list(GRID)
    with pytest.raises(ConfigError, match=told) as error:
        construct_model(compose([*words, *small]))
    assert len(str(error.value).splitlines()) == 1


def test_what_was_chosen_stands_in_the_folder_and_is_not_searched_again(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ["net=parity", "kernel=grid", "base_group=mirror", "conv.partial=False", "debug=True"]
    run += ["net.parameters=10100", "tracking=none", "train.epochs=1", "train.warmup_epochs=0"]
    folder = tmp_path / "run"
    answer = terminal(*run, f"hydra.run.dir={folder}")
    assert answer.status == 0, answer.err
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["net"]["parameters"] == 10100
    assert config["net"]["hidden_channels"] != 16

    def search(*_: object) -> None:
        raise AssertionError("searched again")

    monkeypatch.setattr(width, "matching", search)
    model = load_run(folder).model
    assert sum(each.numel() for each in model.parameters()) == pytest.approx(10100, rel=0.01)
    answer = terminal(f"train.resume={folder}", "train.epochs=2")
    assert answer.status == 0, answer.err
    again = yaml.safe_load((folder / "config.yaml").read_text())
    assert again["net"] == config["net"]
    refused = terminal(f"train.resume={folder}", "net.parameters=null")
    assert refused.status == 1
    assert "net.hidden_channels=16: the run in" in refused.out


def test_a_folder_with_the_same_question_holds_the_same_net(tmp_path: Path) -> None:
    def net(**settings: object) -> dict[str, object]:
        return {"seed": 0, "net": settings}

    older = net(hidden_channels=8)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(older))
    assert difference(tmp_path, net(hidden_channels=8, parameters=None)) is None
    assert difference(tmp_path, net(hidden_channels=8, parameters=9)) is not None
    made = net(hidden_channels=5, parameters=9, widths=[1, 1.2, 1])
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(made))
    asking = net(hidden_channels=8, parameters=9, widths=[1, 1])
    assert difference(tmp_path, asking) is None
    assert difference(tmp_path, net(hidden_channels=8, parameters=7, widths=[1, 1])) is not None
    config = OmegaConf.create(OmegaConf.to_container(compose([*GRID, "net=parity"])))
    config.net.parameters = 9
    assert Build(matched(config, tmp_path)).model is not None
    assert matched(config, tmp_path).net.hidden_channels == 5
