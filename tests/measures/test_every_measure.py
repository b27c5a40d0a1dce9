"""Every measure and probe of cfg/: taken of a finished run that it fits, else refused in one line.

A new YAML is tested as it is, if it fits one of the nets here.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from config_schema import ConfigError
from constructors import check, compose
from tests.discovery import STAGES, Discovery, finished_run
from tests.measures.conftest import TINY
from tests.shipped import names
from tests.terminal import Terminal
from tests.tracking.read_back import told_offline
from tracking.json_lines import read_metrics

LATENTS = "dataset.autoencoder={autoencoder}"
NETS = {  # trained for some batches; {…} is the folder of a run, see tests.discovery
    "classifier": (*TINY, "debug=True", "dataset.size=10", f"probe=[{','.join(names('probe'))}]"),
    "stiffness": (
        *("dataset=unit_cells", "dataset.size=16", "dataset.num=40", "task=regression"),
        *("net=cells", "base_group=dihedral", "net.hidden_channels=2", "net.pools=[0]"),
    ),
    "autoencoder": STAGES["autoencoder"],
    "turn": (*STAGES["transformation"], "task.steps=3"),
    "orbit average": ("net=orbit_average", "net.transformation={transformation}", LATENTS),
    "generators": ("net=generators", "net.number=2", "task=generating", LATENTS),
    "known symmetry": ("dataset=known_symmetry", *TINY[1:], "dataset.test_size=20"),
}
ON_ORBITS = {"autoencoder", "turn", "orbit average", "generators"}
FITS = {
    "agreement": ["known symmetry"],
    "angles": ["classifier", "known symmetry"],
    "flow": ["generators"],
    "gallery": ["classifier", "stiffness", "known symmetry"],
    "latent_space": ["autoencoder"],
    "meter": ["classifier", "autoencoder", "known symmetry"],
    "mirror": ["classifier", "known symmetry"],
    "sizes": ["classifier", "known symmetry"],
    "stiffness": ["stiffness"],
    "turning": ["turn"],
    "views": ["orbit average"],
    "layer_errors": ["classifier", "autoencoder", "known symmetry"],
}
FURTHER = {"flow": ["measure.flow.classifier={classifier}"]}
PLACES = ("dataset.root=",)  # which are not taken from a run folder


class Nets:
    """The nets' words, and the folders of their runs, each one made when it is first asked for."""

    def __init__(self, discovery: Discovery, folder: Path) -> None:
        self.discovery, self.folder = discovery, folder

    def words(self, net: str) -> list[str]:
        """What a net is trained with."""
        words = [*NETS[net], "tracking=none"]
        if net == "generators":
            words.append("task.oracle={oracle}")
        if net in ON_ORBITS:
            return self.discovery.words(*words)
        root = [f"dataset.root={self.folder}"] if net == "stiffness" else []
        return [*words, *root, "debug=True"]

    def run(self, net: str) -> Path:
        """The folder of its run."""
        folder = self.folder / net
        if not folder.exists():
            finished_run(folder, *self.words(net))
        return folder

    def fitting(self, section: str, name: str) -> list[str]:
        """The nets that a measure or probe is not refused for; a refusal is one line about it."""
        told = {net: self.refusal(net, section, name) for net in NETS}
        for line in filter(None, told.values()):
            assert line.startswith(f"{section}={name}: ")
            assert "\n" not in line
        return [net for net, line in told.items() if not line]

    def refusal(self, net: str, section: str, name: str) -> str:
        """What is said of a net that a measure or probe is not for, before anything is trained."""
        try:
            check(compose([*self.words(net), *self.chosen(section, name)]))
        except ConfigError as error:
            return str(error)
        return ""

    def chosen(self, section: str, name: str) -> list[str]:
        """The words that choose a measure or probe."""
        return [f"{section}=[{name}]", *map(self.discovery.placed, FURTHER.get(name, ()))]


@pytest.fixture(scope="module")
def nets(discovery: Discovery, tmp_path_factory: pytest.TempPathFactory) -> Nets:
    """All of them."""
    return Nets(discovery, tmp_path_factory.mktemp("nets"))


@pytest.mark.parametrize("name", names("measure"))
def test_a_measure_is_added_to_a_finished_run(name: str, nets: Nets, terminal: Terminal) -> None:
    """It trains nothing, and what was measured before still holds."""
    fitting = nets.fitting("measure", name)
    assert fitting == FITS.get(name, fitting)
    assert fitting, "it is for none of the nets here"
    folder = nets.run(fitting[0])
    kept = [folder / each for each in ("checkpoints/best.pt", "metrics.jsonl")]
    bytes_before, before = [path.read_bytes() for path in kept], result(folder)
    files = set(folder.rglob("*.*"))
    again = [word for word in nets.words(fitting[0]) if word.startswith(PLACES)]
    tracked = fitting[0] != "classifier"  # whose measures tests/tracking reads back from W&B
    tracking = ["tracking=wandb", "tracking.mode=offline"] if tracked else ["tracking=none"]
    answer = terminal(f"train.resume={folder}", *tracking, *again, *nets.chosen("measure", name))
    assert answer.status == 0, answer.err
    assert "nothing is left to train, after 2 epochs" in answer.out + answer.err
    assert [path.read_bytes() for path in kept] == bytes_before
    after = result(folder)
    own = {key: value for key, value in after.items() if key.startswith(f"{name}/")}
    assert all(isinstance(value, bool | int | float | str) for value in own.values())
    others = before.keys() - {key for key in before if key.startswith("seconds/")}
    assert {key: after[key] for key in others} == {key: before[key] for key in others}
    assert after["seconds/run"] > before["seconds/run"]
    assert after.keys() == before.keys() | own.keys()
    added = set(folder.rglob("*.*")) - files
    tables = {path for path in added if path.suffix == ".csv"}
    assert {path.parent for path in tables} <= {folder / "tables" / name}
    pictures = {path for path in added if path.suffix == ".png" and "wandb" not in path.parts}
    assert all(path.stat().st_size > 2_000 for path in pictures)
    assert own.keys() | tables | pictures
    if tracked:
        told = told_offline(folder)
        assert own == {key: told.summary[key] for key in own}
        known = {path.relative_to(folder / "tables").with_suffix("") for path in tables}
        assert told.tables >= set(map(str, known))
        assert told.pictures >= {f"figures/{path.stem}" for path in pictures}


@pytest.mark.parametrize("name", names("probe"))
def test_a_probe_looks_after_every_epoch(name: str, nets: Nets) -> None:
    fitting = nets.fitting("probe", name)
    assert fitting == FITS.get(name, fitting)
    assert "classifier" in fitting
    records = read_metrics(nets.run("classifier"))
    assert len(records) == 2
    assert all(any(key.startswith(f"{name}/") for key in record) for record in records)


def result(folder: Path) -> dict[str, Any]:
    """What a run came to."""
    return json.loads((folder / "result.json").read_text())
