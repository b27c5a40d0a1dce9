"""The W&B sweep that is shipped: what its agent would start is composed and checked."""

import itertools
import re
from typing import Any

import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from composition import CONFIG_FOLDER
from constructors import Build, check, components, compose

SWEEP = CONFIG_FOLDER.parent / "tracking" / "sweep.yaml"


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
    variables = {"${env}": ["/usr/bin/env"], "${interpreter}": ["python"]}
    variables["${program}"] = [sweep["program"]]
    found = []
    for pick in picks:
        arguments = create_sweep_command_args({"args": {k: {"value": v} for k, v in pick.items()}})
        named = variables | {f"${{{name}}}": words for name, words in arguments.items()}
        found.append([word for part in sweep["command"] for word in named[part]])
    return found


def test_what_the_agent_starts_can_be_run() -> None:
    sweep = yaml.safe_load(SWEEP.read_text())
    started = commands(sweep)
    assert len(started) > 5
    for command in started:
        assert command[:3] == ["/usr/bin/env", "python", "main.py"]
        components(compose(command[3:]))
    for command in (started[0], started[-1]):
        check(compose(command[3:]))
    monitor = Build(compose(started[0][3:])).task.monitor
    assert sweep["metric"] == {"name": f"val/{monitor}", "goal": "maximize"}


def test_the_header_tells_the_command() -> None:
    lines = SWEEP.read_text().splitlines(True)
    header = "".join(itertools.takewhile(lambda line: line[0] == "#", lines))
    assert re.search(r"^# wandb sweep .* tracking/sweep.yaml\b", header, re.M)
    assert re.search(r"^# wandb agent ", header, re.M)
