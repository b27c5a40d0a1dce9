"""The rows of EXPERIMENTS.md: every one is composed and built, and compared rows are comparable."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from command_line.words import jobs
from composition import CONFIG_FOLDER, Composition
from constructors import Build, check, compose, construct_model

FOLDER = CONFIG_FOLDER / "experiment"
TEXT = (CONFIG_FOLDER.parent / "EXPERIMENTS.md").read_text()
FILES = {str(path.relative_to(FOLDER).with_suffix("")): path for path in FOLDER.rglob("*.yaml")}
ROWS = sorted(name for name, path in FILES.items() if not path.name.startswith("_"))
BUNDLED = ("exact/sizes", "speed/digits6_180")  # rows whose data come with scikit-learn
KERNELS = ("mlp", "fourier", "gabor", "magnet")


class Row(NamedTuple):
    """A row's config, and the parameters of its net."""

    config: DictConfig
    num_parameters: int


class Rows:
    """Every row, made when it is first asked for."""

    def __init__(self, root: Path) -> None:
        self.place, self.made = f"dataset.root={root}", dict[str, Row]()

    def compose(self, name: str, *words: str) -> DictConfig:
        place = [] if name in BUNDLED else [self.place]
        return compose([f"+experiment={name}", *place, *words])

    def __getitem__(self, name: str) -> Row:
        if name not in self.made:
            config = self.compose(name)
            num = sum(each.numel() for each in construct_model(config).parameters())
            self.made[name] = Row(config, num)
        return self.made[name]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """The rows, with CIFAR-10's folders of classes for the one data set that looks at its files."""
    root = tmp_path_factory.mktemp("pictures")
    for part, number in itertools.product(("train", "test"), range(10)):
        (root / part / f"class{number}").mkdir(parents=True)
    return Rows(root)


def table(name: str) -> str:
    """What a row is compared within: its data set, and its net."""
    match = re.match(r"small/(mnist6_[^_]+|[^_]+)|[^/]+/(GCNN-)?", name)
    assert match is not None
    return match[0]


ALONE = ("exact/", "parity/", "speed/", "symmetry_discovery/")  # or compared across sizes, rates
COMPARED = [name for name in ROWS if not name.startswith(ALONE)]
TABLES = {k: list(group) for k, group in itertools.groupby(sorted(COMPARED, key=table), key=table)}


def flat(config: DictConfig) -> dict[str, Any]:
    """All settings by their dotted names."""

    def walk(node: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
        for key, value in node.items():
            if isinstance(value, dict):
                yield from walk(value, f"{prefix}{key}.")
            else:
                yield f"{prefix}{key}", value

    values: Any = OmegaConf.to_container(config, resolve=True)
    return dict(walk(values, ""))


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_composed_and_built(name: str, rows: Rows) -> None:
    check(rows[name].config)
    header = FILES[name].read_text().partition("\ndefaults:")[0].splitlines()
    assert header[0] == "# @package _global_"
    assert f"# python main.py +experiment={name}" in header
    assert re.search(rf"^\| `{re.escape(name)}` \|", TEXT, re.M), "EXPERIMENTS.md leaves it out"


def test_every_kind_of_net_runs_forward(rows: Rows) -> None:
    seen = set()
    for name in ROWS:
        config = rows[name].config
        group, kernel = config.base_group.group._target_, config.kernel._target_
        kind = (str(config.net), config.conv.kernel_size, group, kernel)
        if kind in seen:
            continue
        seen.add(kind)
        few = ["base_group.num_samples=2"] if config.base_group.get("num_samples", 1) > 1 else []
        if "size" in config.dataset:  # small images do for the net
            few.append(f"dataset.size={min(config.dataset.size, 33)}")
        build = Build(rows.compose(name, *few))
        spec = build.spec
        with torch.no_grad():
            scores = build.model(torch.randn(2, spec.in_channels, *spec.size))
        assert scores.shape == (2, spec.num_classes), name
        assert scores.isfinite().all(), name
    assert len(seen) > 20


@pytest.mark.parametrize("key", TABLES)
def test_the_rows_of_a_table_are_equal_but_for_what_is_compared(key: str, rows: Rows) -> None:
    endings = ("SE2-8-partial", "SE2_partial", "E2-8-partial", "_partial")
    reference = next(name for end in endings for name in TABLES[key] if name.endswith(end))
    config, num_parameters = rows[reference]
    for name in TABLES[key]:
        other = rows[name]
        assert other.config.dataset == config.dataset, name
        penalty = {"narrow_penalty": other.config.train.narrow_penalty}
        assert other.config.train == OmegaConf.merge(config.train, penalty), name
        # Kernel networks of one width have their own parameters, which are few beside the read-out.
        tolerance = 0.03 if name.endswith(KERNELS) else 0.01
        assert other.num_parameters == pytest.approx(num_parameters, rel=tolerance), name


@pytest.mark.parametrize("full", [name for name in ROWS if name.endswith("full")])
def test_full_and_partial_differ_in_that_alone(full: str, rows: Rows) -> None:
    one, other = flat(rows[full].config), flat(rows[f"{full[:-4]}partial"].config)
    assert one.keys() == other.keys()
    changed = {key: (one[key], other[key]) for key in one if one[key] != other[key]}
    assert changed == {"conv.partial": (False, True)}


def test_shared_parts_are_shared() -> None:
    words = " ".join(path.read_text() for path in FILES.values())
    for name, path in FILES.items():
        if path.name.startswith("_"):
            assert re.search(rf"- /experiment/{re.escape(name)}(@|\n)", words), name


def test_the_sweep_runs_every_small_row_with_three_seeds() -> None:
    (command,) = re.findall(r"^python main\.py -m (.+)$", TEXT.replace("\\\n", " "), re.M)
    words = [word.strip("'") for word in command.split()]
    started = [
        tuple(word for word in job if word.startswith(("+experiment", "seed")))
        for job in jobs(words, Composition())
    ]
    expected = [
        (f"+experiment/{name.replace('/', '=')}", f"seed={seed}")
        for name in ROWS
        if name.startswith("small/")
        for seed in range(3)
    ]
    assert sorted(started) == sorted(expected)
