"""The W&B sweeps in cfg/sweep: what their agent would start is composed and checked."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from command_line.usage import usage
from composition import CONFIG_FOLDER
from constructors import Build, check, components, compose

SWEEPS = sorted((CONFIG_FOLDER / "sweep").glob("*.yaml"))
METHODS = {"grid", "random", "bayes"}


def read(path: Path) -> dict[str, Any]:
    """A sweep's definition, as W&B reads it."""
    return yaml.safe_load(path.read_text())


def values(parameter: dict[str, Any]) -> list[Any]:
    """All values of a discrete parameter, the ends and the middle of a continuous one."""
    if "value" in parameter:
        return [parameter["value"]]
    if "values" in parameter:
        return parameter["values"]
    low, high = parameter["min"], parameter["max"]
    middle = {
        "uniform": (low + high) / 2,
        "int_uniform": (low + high) // 2,
        "log_uniform_values": (low * high) ** 0.5,
    }[parameter["distribution"]]
    return [low, middle, high]


def commands(sweep: dict[str, Any]) -> list[list[str]]:
    """The words that W&B's agent would start, for every value beside the first of all others."""
    choices = {name: values(parameter) for name, parameter in sweep["parameters"].items()}
    first = {name: options[0] for name, options in choices.items()}
    picks = [first | {name: value} for name, options in choices.items() for value in options]
    if sweep["method"] == "grid":
        picks = [
            dict(zip(choices, pick, strict=True)) for pick in itertools.product(*choices.values())
        ]
    variables = {"${env}": ["/usr/bin/env"], "${interpreter}": ["python"]}
    variables["${program}"] = [sweep["program"]]
    found = []
    for pick in picks:
        arguments = create_sweep_command_args({"args": {k: {"value": v} for k, v in pick.items()}})
        named = variables | {f"${{{name}}}": words for name, words in arguments.items()}
        found.append([word for part in sweep["command"] for word in named[part]])
    return found


def test_there_is_one_of_each_method() -> None:
    assert {read(path)["method"] for path in SWEEPS} == {path.stem for path in SWEEPS} == METHODS


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_what_the_agent_starts_can_be_run(path: Path) -> None:
    sweep = read(path)
    started = commands(sweep)
    assert len(started) > 5
    for command in started:
        assert command[:3] == ["/usr/bin/env", "python", "main.py"]
        components(compose(command[3:]))
    for command in (started[0], started[-1]):
        check(compose(command[3:]))
    monitor = Build(compose(started[0][3:])).task.monitor
    assert sweep["metric"] == {"name": f"val/{monitor}", "goal": "maximize"}


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_the_header_tells_the_command(path: Path) -> None:
    header = "".join(
        itertools.takewhile(lambda line: line[0] == "#", path.read_text().splitlines(True))
    )
    relative = path.relative_to(CONFIG_FOLDER.parent)
    assert re.search(rf"^# wandb sweep .*{relative}\b", header, re.M)
    assert re.search(r"^# wandb agent ", header, re.M)


def test_a_sweep_is_no_option_of_main() -> None:
    assert "sweep" not in re.findall(r"^ +\+?(\w+) ", usage(CONFIG_FOLDER), re.M)
