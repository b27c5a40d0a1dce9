"""The studies that are shipped: their rows are composed and built, compared ones are comparable."""

import itertools
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from composition import CONFIG_FOLDER
from config_schema import ConfigError
from constructors import Build, check, components, compose, construct_model
from datasets.spec import MissingData
from matching import asked
from partial_equiv.gconv.initialisation import any_scale
from studies.jobs import Job, study_jobs, waves
from studies.study import Study, read_study

FOLDER = CONFIG_FOLDER / "study"
FILES = {str(path.relative_to(FOLDER).with_suffix("")): path for path in FOLDER.rglob("*.yaml")}
STUDIES = sorted(name for name, path in FILES.items() if not path.name.startswith("_"))
KERNELS = ("mlp", "fourier", "gabor", "magnet")


class Row(NamedTuple):
    """A row's config, and the parameters of its net."""

    config: DictConfig
    num_parameters: int


@cache
def study(name: str) -> Study:
    """A shipped study."""
    return read_study(OmegaConf.to_container(compose([f"study={name}"]).study, resolve=False))


@cache
def jobs(name: str) -> dict[str, Job]:
    """The first run of every row of a study, by the row's name."""
    made = study_jobs(study(name), Path("studies") / name)
    return {job.row: job for job in reversed(made)}


@cache
def composed(*words: str) -> DictConfig:
    """The config of a row's words."""
    return compose(words)


@cache
def told(name: str) -> list[Job]:
    """The jobs of a study, one of each row; of the hundreds of rows and trials of one that is
    tuned, those that say what no other one has said before."""
    found: list[Job] = []
    tuned = any(study(name).trials().values())
    for job in jobs(name).values():
        if not tuned or not SAID.issuperset(job.words):
            found.append(job)
            SAID.update(job.words if tuned else ())
    return found


SAID: set[str] = set()  # words of the studies that are tuned
SEEN: set[str] = set()  # kinds of nets that have run forward, in whatever study


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CIFAR-10's folders of classes for the one data set that looks at its files."""
    root = tmp_path_factory.mktemp("pictures")
    for part, number in itertools.product(("train", "test"), range(10)):
        (root / "cifar10-jpeg" / part / f"class{number}").mkdir(parents=True)
    return root


@pytest.fixture(autouse=True)
def _data(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(pictures))


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_says_what_it_is_and_every_row_is_composed(name: str) -> None:
    package, about, command, *_ = FILES[name].read_text().splitlines()
    assert package == "# @package study"
    assert re.fullmatch(r"# .{20,}", about)
    head = FILES[name].read_text().partition("\n\n")[0]
    assert f"# python main.py study={name}" in head, command
    waves(list(jobs(name).values()))
    for job in told(name):
        assert components(composed(*job.words))


@pytest.mark.parametrize("name", STUDIES)
def test_every_kind_of_net_of_a_study_runs_forward(name: str) -> None:
    """But those that are built on the net of another run, which is not there."""
    for job in told(name):
        if set(job.needs) - set(job.settings):
            continue
        config = composed(*job.words)
        parts = config.net, config.conv, config.kernel, config.base_group.group, config.relaxation
        if asked(OmegaConf.to_container(config.net)):  # its net is that of others, but for its size
            targets = config.net.get("_target_"), config.kernel.get("_target_")
            parts = *targets, config.conv.partial and config.relaxation.get("_target_")
        kind = " ".join(map(str, parts))
        if kind in SEEN:
            continue
        SEEN.add(kind)
        few = [f"{key}.parameters=null" for key in asked(OmegaConf.to_container(config.net))]
        few += ["base_group.num_samples=2"] if config.base_group.get("num_samples", 1) > 1 else []
        if "size" in config.dataset and config.dataset.size:  # small images do for the net
            size = config.dataset.size  # odd or even, as some nets want one or the other
            few.append(f"dataset.size={min(size, 32 + size % 2)}")
        build = Build(compose([*job.words, *few]))
        with torch.no_grad():
            build.model.eval()(torch.randn(2, build.spec.in_channels, *build.spec.size))


def table(study_name: str, row: str) -> tuple[str, ...]:
    """What a row is compared within: its data set, and its net."""
    match = re.match(r"(mnist6_[^_]+|rotmnist|cifar10|GCNN|180|M)?", row)
    assert match is not None
    return study_name, match[0]


COMPARED = [
    (name, row)
    for name in STUDIES
    if name.startswith(("small", "partial_gcnn"))
    for row in jobs(name)
]
TABLES = {
    key: [row for _, row in rows]
    for key, rows in itertools.groupby(COMPARED, key=lambda each: table(*each))
}


@cache
def made(name: str, row: str) -> Row:
    """A row, as it is built."""
    config = composed(*jobs(name)[row].words)
    with any_scale():
        net = construct_model(config)
    return Row(config, sum(each.numel() for each in net.parameters()))


@pytest.mark.parametrize("key", TABLES)
def test_the_rows_of_a_table_are_equal_but_for_what_is_compared(key: tuple[str, str]) -> None:
    name, _ = key
    endings = ("SE2-8-partial", "SE2_partial", "E2-8-partial", "partial")
    reference = next(row for end in endings for row in TABLES[key] if row.endswith(end))
    config, num_parameters = made(name, reference)
    for row in TABLES[key]:
        other = made(name, row)
        assert other.config.dataset == config.dataset, row
        penalty = {"penalties": {"narrow": other.config.train.penalties.narrow}}
        assert other.config.train == OmegaConf.merge(config.train, penalty), row
        # Kernel networks of one width have their own parameters, which are few beside the read-out.
        tolerance = 0.03 if row.endswith(KERNELS) else 0.01
        assert other.num_parameters == pytest.approx(num_parameters, rel=tolerance), row


@pytest.mark.parametrize(("name", "full"), [each for each in COMPARED if each[1].endswith("full")])
def test_full_and_partial_differ_in_that_alone(name: str, full: str) -> None:
    one, other = flat(made(name, full).config), flat(made(name, f"{full[:-4]}partial").config)
    assert one.keys() == other.keys()
    changed = {key: (one[key], other[key]) for key in one if one[key] != other[key]}
    assert changed == {"conv.partial": (False, True)}


@pytest.mark.parametrize("path", sorted((CONFIG_FOLDER / "experiment").rglob("*.yaml")))
def test_every_preset_is_composed_and_built(path: Path) -> None:
    name = str(path.relative_to(CONFIG_FOLDER / "experiment").with_suffix(""))
    package, about, *rest = path.read_text().splitlines()
    assert package == "# @package _global_"
    assert about.startswith("# ")
    assert f"# python main.py +experiment={name}" in [about, *rest]
    with suppress(MissingData):  # looked for last
        check(compose([f"+experiment={name}"]))


def test_what_is_wrong_in_a_study_is_told_in_one_line() -> None:
    for values, told in (
        ({"rows": {"a": {"wrds": []}}}, "study.rows.a.wrds=[]: should be without unknown keys"),
        ({"seeds": [-1]}, "study.seeds[0]=-1: should be greater than or equal to 0"),
        ({"claims": 3}, "study.claims=3: should be a list"),
    ):
        with pytest.raises(ConfigError) as caught:
            read_study(values)
        assert str(caught.value) == told
    for rows, told in (
        (
            {"a": {"words": ["task.x=${run:b}"]}},
            "study.rows.a: ${run:b}: there is no such other row",
        ),
        ({"a b": {}}, "study.rows: a b: should be of letters, digits and any of . _ + - /"),
    ):
        with pytest.raises(ConfigError, match=re.escape(told)):
            study_jobs(read_study({"rows": rows}), Path())
    circle = {"a": {"words": ["x=${run:b}"]}, "b": {"words": ["x=${run:a}"]}}
    with pytest.raises(ConfigError, match="build on each other: a/seed=0, b/seed=0"):
        waves(study_jobs(read_study({"rows": circle}), Path()))


def flat(config: DictConfig) -> dict[str, Any]:
    """All settings by their dotted names."""

    def walk(node: dict[str, Any], prefix: str) -> Any:  # noqa: ANN401
        for key, value in node.items():
            if isinstance(value, dict):
                yield from walk(value, f"{prefix}{key}.")
            else:
                yield f"{prefix}{key}", value

    values: Any = OmegaConf.to_container(config, resolve=True)
    return dict(walk(values, ""))


def test_chosen_seeds_are_in_place_of_the_studys_and_among_a_rows_own() -> None:
    rows = {"many": {"seeds": [0, 1, 2, 3]}, "other": {"seeds": [7]}, "usual": {}}
    made = read_study({"rows": rows, "seeds": [0, 1, 2]})

    def seeds(chosen: list[int] | None) -> dict[str, list[int]]:
        jobs = study_jobs(made, Path(), seeds=chosen)
        return {row: [job.seed for job in jobs if job.row == row] for row in rows}

    assert seeds(None) == {"many": [0, 1, 2, 3], "other": [7], "usual": [0, 1, 2]}
    assert seeds([1, 3, 5]) == {"many": [1, 3], "other": [7], "usual": [1, 3, 5]}
