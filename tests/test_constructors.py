"""Constructors: notebooks get what main.py would build."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import OmegaConf

from composition import CONFIG_FOLDER, Composition
from config_schema import ConfigError
from constructors import Build, check, compose, construct_model

SMALL = ["net.hidden_channels=4", "base_group.num_samples=4"]


def test_compose_is_what_hydra_composes() -> None:
    with initialize_config_dir(str(CONFIG_FOLDER), version_base="1.3"):
        theirs = hydra_compose("config", ["net=gcnn", "seed=3"])
        ours = compose(["net=gcnn", "seed=3"])  # also while Hydra is at work
        assert hydra_compose("config", ["seed=3"]) == ours
    assert ours == theirs
    assert OmegaConf.is_readonly(ours)


def test_further_folders_add_options(tmp_path: Path) -> None:
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "mine.yaml").write_text(
        "_target_: partial_equiv.ck.MLP\n_partial_: true\n"
    )
    config = Composition(further=(tmp_path,)).config(["kernel=mine"])
    assert construct_model(config)


def test_an_experiment_can_replace_any_option(tmp_path: Path) -> None:
    (tmp_path / "experiment" / "paper").mkdir(parents=True)
    (tmp_path / "experiment" / "paper" / "row.yaml").write_text(
        "# @package _global_\n"
        "defaults: [override /kernel: mlp]\n"
        "seed: 7\n"
        "net: {hidden_channels: 4}\n"
    )
    config = Composition(further=(tmp_path,)).config(["+experiment=paper/row", "seed=8"])
    check(config)
    assert (config.kernel._target_, config.seed) == ("partial_equiv.ck.MLP", 8)
    assert config.net.hidden_channels == 4


def test_the_seed_alone_decides_the_weights() -> None:
    before = torch.get_rng_state()
    first, again, other = (
        construct_model(compose([*SMALL, f"seed={seed}"])).state_dict() for seed in (0, 0, 1)
    )
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_the_net_follows_the_data_set() -> None:
    build = Build(compose([*SMALL, "dataset=digits6_180"]))
    assert build.model(torch.zeros(1, 1, *build.spec.size)).shape == (1, 2)


def test_every_layer_gets_the_settings_of_the_convolution() -> None:
    model = construct_model(compose([*SMALL, "conv.bias=False", "kernel=magnet"]))
    kinds = {type(module).__name__: module for module in model.modules()}
    assert {"LiftingConv", "GroupConv", "MAGNet"} <= set(kinds)
    assert kinds["LiftingConv"].bias is kinds["GroupConv"].bias is None


def test_a_net_gets_the_layers_that_its_signature_asks_for() -> None:
    model = construct_model(compose([*SMALL, "net=ckresnet", "kernel=mlp", "conv.partial=True"]))
    shortcut, conv = model.block1.shortcut, model.block1.conv1
    assert type(shortcut).__name__ == "PointwiseConv"
    assert type(shortcut.kernel) is type(conv.kernel)
    assert (shortcut.relaxation.chooses, conv.relaxation.chooses) == (False, True)
    assert shortcut.sampling.num_samples == conv.sampling.num_samples == 4


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["base_group=T2"], "conv.partial=True: "),
        (
            ["base_group=T2", "conv.partial=False", "+base_group.sampling=random"],
            "base_group.sampling",
        ),
        (["base_group=E2", "base_group.num_samples=3"], "base_group.num_samples=3: "),
        (["base_group=cyclic", "+base_group.num_samples=4"], "base_group.num_samples=4: "),
        (["+base_group.order=4"], "base_group.order=4: "),
        (["net=augerino", "net.mirror=True", "net.num_copies=3"], "net.num_copies=3: "),
        (["net=ckresnet", "net.shortcut=identity"], "net.shortcut=identity: "),
        (["conv.kernel_size=4"], "conv.kernel_size=4: "),
        (["net=ckresnet", "conv.padding=1", "conv.kernel_size=4"], "conv.padding=1: with kernel"),
        (["net=ckresnet", "conv.padding=1", "conv.kernel_size=5"], "conv.padding=1: with kernel"),
        (["net=ckresnet", "conv.padding=valid"], "conv.padding="),
        (["net.pools=[9]"], "net.pools=[9]: "),
        (["train.batch_size=1", "train.devices=2"], "train.batch_size=1: "),
    ],
)
def test_settings_that_clash_name_the_key(words: list[str], complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(compose(words))
    assert str(caught.value).startswith(complaint)
    assert len(str(caught.value).splitlines()) == 1


def test_a_torn_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    build = Build(compose())
    assert build.trainer(tmp_path, None).resume is None
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.pt").touch()
    assert build.trainer(tmp_path, None).resume == tmp_path


def test_a_dry_run_is_settings() -> None:
    long, short = (
        Build(compose(["train.epochs=50", "train.batch_size=8", f"debug={debug}"])).trainer(
            Path(), None
        )
        for debug in (False, True)
    )
    assert (long.epochs, long.max_batches) == (50, None)
    assert (short.epochs, short.max_batches) == (2, 3)
    assert replace(short, epochs=50, max_batches=None) == long
    assert Build(compose(["train.epochs=1", "debug=True"])).trainer(Path(), None).epochs == 1


MNIST_ORBITS = (
    "dataset=orbits",
    "dataset@dataset.source=mnist",
    "dataset.source.root=${dataset.root}",
)


@pytest.mark.parametrize("dataset", [("dataset=mnist",), MNIST_ORBITS])
def test_a_dry_run_downloads_nothing(dataset: tuple[str, ...], tmp_path: Path) -> None:
    words = [*dataset, f"dataset.root={tmp_path}", "debug=True"]
    with pytest.raises(ValueError, match="Dataset not found"):
        _ = Build(compose(words)).splits
