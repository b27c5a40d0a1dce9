"""The schema: what a signature allows, and one line for each thing that it does not."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from config_schema import ConfigError
from config_schema.components import Component
from config_schema.signatures import read
from constructors import INJECTED, compose
from contracts import CONTRACTS

COMPLETE = compose()
ROTMNIST = {"_target_": "datasets.rotmnist.RotMNIST"}


def problems(section: str, node: Mapping[str, object]) -> list[str]:
    """The complaints about a config with a section changed, or replaced if it names a target."""
    config = OmegaConf.create(OmegaConf.to_container(COMPLETE))
    config[section] = node if "_target_" in node else {**config[section], **node}
    with pytest.raises(ConfigError) as caught:
        read(config, INJECTED, CONTRACTS)
    return str(caught.value).splitlines()


def test_values_arrive_as_their_annotations_want_them() -> None:
    sections = read(
        compose(["train.resume=a/b", "train.learning_rate=1", "net.widths=[1,2]"]),
        INJECTED,
        CONTRACTS,
    )
    assert set(sections) == set(INJECTED) - {"measure", "probe", "penalty"}
    assert sections["train"].arguments["resume"] == Path("a/b")
    assert isinstance(sections["train"].arguments["learning_rate"], float)
    assert list(sections["net"].arguments["widths"]) == [1.0, 2.0]
    group = sections["base_group"].arguments["group"]
    assert isinstance(group, Component)
    assert group.key == "base_group.group"


@pytest.mark.parametrize(
    ("section", "change", "complaint"),
    [
        ("net", {"hidden_channels": "abc"}, "net.hidden_channels=abc: should be an integer"),
        ("net", {"hidden_channels": True}, "net.hidden_channels=true: should be an integer"),
        ("net", {"hidden_channels": 4.0}, "net.hidden_channels=4.0: should be an integer"),
        ("net", {"hidden_channels": None}, "net.hidden_channels=null: should be an integer"),
        (
            "net",
            {"hidden_channels": 0},
            "net.hidden_channels=0: should be greater than or equal to 1",
        ),
        ("net", {"dropout": 1.5}, "net.dropout=1.5: should be less than 1"),
        ("net", {"dropout": float("nan")}, "net.dropout=NaN: should be a finite number"),
        ("net", {"widths": 3}, "net.widths=3: should be a list"),
        ("net", {"widths": [1, "a"]}, "net.widths[1]=a: should be a number"),
        ("net", {"pool": "maxx"}, "should be 'max', 'mean' or 'blur' (did you mean max?)"),
        (
            "conv",
            {"padding": "sam"},
            "should be 'same' or 'valid' or an integer (did you mean same?)",
        ),
        ("conv", {"bias": "no"}, "conv.bias=no: should be True or False"),
        ("net", {"dropouts": 0}, "net.dropouts=0: GCNN takes no dropouts, only dropout, "),
        ("net", {"dropouts": 0}, "(did you mean dropout?)"),
        ("net", {"in_channels": 3}, "net.in_channels=3: is set by the program, leave it out"),
        (
            "dataset",
            {**ROTMNIST, "train_angles": [45]},
            "train_angles[1]=null: should be given, too",
        ),
        (
            "dataset",
            {**ROTMNIST, "train_angles": [45, 20, 1]},
            "train_angles=[45,20,1]: should be a list of at most 2 values, not 3",
        ),
        ("net", {"_args_": [1]}, "net._args_=[1]: GCNN takes no _args_"),
        ("conv", {"_partial_": 1}, "conv._partial_=1: should be true"),
        ("base_group", {"group": "SO2"}, "base_group.group=SO2: should name a Group as _target_"),
        (
            "base_group",
            {"group": {"_target_": "torch.nn.ReLU"}},
            "base_group.group._target_=torch.nn.ReLU: is not allowed",
        ),
        (
            "base_group",
            {"group": {"_target_": "os.system"}},
            "base_group.group._target_=os.system: is",
        ),
        (
            "base_group",
            {"group": {"_target_": "partial_equiv.ck.MLP"}},
            "base_group.group._target_=partial_equiv.ck.MLP: should name a Group",
        ),
        (
            "base_group",
            {"group": {"_target_": "partial_equiv.groups.SO2", "_partial_": True}},
            "base_group.group._partial_=true: should be false",
        ),
        ("net", {"_target_": "models.vae.Autoencoding"}, "should name a net of models"),
        (
            "net",
            {"_target_": "models.resnet.PreActivationBlock"},
            "net.out_channels: PreActivationBlock requires it",
        ),
        ("net", {"hidden_channels": {"_target_": "models.gcnn.GCNN"}}, "should be a plain value"),
        (
            "net",
            {"_target_": 3},
            "net._target_=3: is not allowed, only what lies in partial_equiv, ",
        ),
    ],
)
def test_a_wrong_argument_is_one_line(
    section: str, change: dict[str, object], complaint: str
) -> None:
    lines = problems(section, change)
    assert [line for line in lines if complaint in line], lines
    assert all(line.startswith(f"{section}.") for line in lines)
    assert len(lines) == 1 or "requires" in complaint


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"seed": -1}, "seed=-1: should be greater than or equal to 0"),
        ({"debug": 1}, "debug=1: should be True or False"),
        ({"extra": 1}, "extra=1: the config has no extra, only base_group, "),
        ({"nets": {}}, "(did you mean net?)"),
        ({"net": None}, "net=null: should name a net as _target_"),
        ({"seed": "${nowhere}"}, "seed: Interpolation key 'nowhere' not found"),
        ({"seed": "???"}, "seed: has to be given"),
    ],
)
def test_the_top_of_the_config_is_checked(change: dict[str, object], complaint: str) -> None:
    config = OmegaConf.create({**dict(COMPLETE), **change})
    with pytest.raises(ConfigError) as caught:
        read(config, INJECTED, CONTRACTS)
    assert complaint in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_section_is_named() -> None:
    config = OmegaConf.create({key: value for key, value in COMPLETE.items() if key != "task"})
    with pytest.raises(ConfigError, match=r"^task: is missing$"):
        read(config, INJECTED, CONTRACTS)


def test_all_problems_are_told_at_once() -> None:
    lines = problems("net", {"hidden_channels": 0, "widht": 1, "widths": ["a", 1, "b"]})
    assert [line.partition("=")[0] for line in lines] == [
        "net.hidden_channels", "net.widths[0]", "net.widths[2]", "net.widht",
    ]  # fmt: skip
