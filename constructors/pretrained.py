"""A trained net in a folder of plain files, as model hubs keep them.

    config.json        what the net is made from, what it was trained on, what it knows of its data
    model.safetensors  its weights
    README.md          for people

None of them can hold code, and the folder needs nothing beside it: the data may be gone.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors.torch
from omegaconf import DictConfig, OmegaConf
from safetensors import SafetensorError

from config_schema import ConfigError
from config_schema.components import Component
from constructors.build import Build
from constructors.finished import LoadedRun
from constructors.sections import components
from datasets.recorded_spec import checked_spec
from partial_equiv.refusal import Refusal
from plain_files import read_json, write_whole
from training.snapshots import load_weights

__all__ = ["load_pretrained", "write_pretrained"]

CONFIG, WEIGHTS = "config.json", "model.safetensors"
FORMAT = "partial_equiv 1"
SECTIONS = (
    *("net", "conv", "kernel", "base_group", "relaxation", "task"),  # what the net is made from
    *("dataset", "train", "seed", "debug"),  # what it was trained on, and how
)
PLACES = ("root", "folder", "file", "resume")  # settings that tell of the machine, not of the net
NOWHERE = {"resume": None}
REMEDY = "export it again"


def load_pretrained(folder: str | Path, packages: Sequence[str] = ()) -> LoadedRun:
    """The net in a folder that `python -m export RUN --format safetensors` wrote; reads no data.

    The folder may be a stranger's: plain values and weights are taken from it, and nothing else.
    What asks a run takes it as well, such as `predict`.

    Args:
        folder: with config.json and model.safetensors.
        packages: of your own, whose classes its config may name.

    Raises:
        ConfigError: if the folder holds no net, or one that this program refuses.
        Refusal: if a file is damaged, or if the weights are of another net.
    """
    folder = Path(folder).expanduser()
    path, weights = folder / CONFIG, folder / WEIGHTS
    for each in (path, weights):
        if not each.is_file():
            raise ConfigError(f"{folder}: holds no exported net, there is no file {each.name}")
    content = read_json(path, dict, REMEDY)
    if content.get("format") != FORMAT:
        raise Refusal(f"{path} was not written by this program (format {FORMAT!r})")
    values = content.get("config")
    if not isinstance(values, dict) or "${" in json.dumps(values):
        raise Refusal(f"{path} is damaged (its config is not of plain values); {REMEDY}")
    spec = checked_spec(content.get("data"), path, REMEDY)
    known = {name: values[name] for name in SECTIONS if name in values}
    tracking = {"_target_": "tracking.JsonTracker"}
    config = OmegaConf.create({**known, "tracking": tracking, "packages": list(packages)})
    if others := list(_other_runs(config)):
        raise ConfigError(f"{path}: {others[0]} names the run of another net, which is not here")
    try:
        state = safetensors.torch.load_file(weights)
    except (SafetensorError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise Refusal(f"{weights} is damaged ({reason}); {REMEDY}") from None
    build = Build(config, spec).trained(lambda model: load_weights(model, state, weights))
    return LoadedRun(build.model, build.config, build, folder)


def write_pretrained(folder: Path, run: LoadedRun) -> None:
    """Write what `load_pretrained` reads into a folder.

    Raises:
        Refusal: if the net cannot be made without that of another run.
    """
    if others := list(_other_runs(run.config)):
        raise Refusal(f"{others[0]} is another run, which the folder could not do without")
    values: Any = OmegaConf.to_container(run.config, resolve=True)
    content = {
        "format": FORMAT,
        "architectures": [type(run.model).__name__],
        "config": _anywhere({name: values[name] for name in SECTIONS if name in values}),
        "data": asdict(run.spec),
    }
    write_whole(folder / CONFIG, json.dumps(content, indent=2) + "\n")
    state = {name: value.contiguous().clone() for name, value in run.model.state_dict().items()}
    (folder / WEIGHTS).write_bytes(safetensors.torch.save(state, {"format": "pt"}))


def _anywhere(values: Mapping[str, Any]) -> dict[str, Any]:
    """A config without the places of this machine: data are looked for in the folder data."""
    found = {}
    for name, value in values.items():
        if isinstance(value, dict):
            value = _anywhere(value)
        found[name] = NOWHERE.get(name, "data") if name in PLACES else value
    return found


def _other_runs(config: DictConfig) -> Iterator[str]:
    """The settings of a config, without its measures, that name runs of other nets."""
    for name, section in components(config).items():
        if name in SECTIONS:
            yield from _from_runs(section)


def _from_runs(component: Component) -> Iterator[str]:
    for name in component.from_runs:
        if component.arguments.get(name) is not None:
            yield f"{component.key}.{name}"
    for value in component.arguments.values():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Component):
                yield from _from_runs(each)
