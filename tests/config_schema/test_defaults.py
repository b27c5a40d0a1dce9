"""A setting has one default: what cfg/ shows is what the signature says.

Several options may make one class, each with settings of its own; one of them has the default.
"""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from config_schema.targets import resolve
from tests.shipped import CFG

OWN = {  # argument: why the class itself has another default than all of its options
    ("GroupConv", "partial"): "a layer by itself is full; the bare command learns its subset",
    ("GroupConv", "kernel_size"): "the published size of most layers; the bare net has few",
    ("Objects", "size"): "every data set shows its own, which None stands for",
    ("Orbits", "classes"): "all of any source; the bare option is about two and four",
}


def nodes(value: object) -> Iterator[dict[str, Any]]:
    """All nodes below a value that name what they make."""
    if isinstance(value, dict):
        if "_target_" in value:
            yield value
        for each in value.values():
            yield from nodes(each)


NODES: dict[str, list[dict[str, Any]]] = {}
for path in sorted(CFG.glob("*/*.yaml")):
    if path.parent.name not in ("experiment", "study"):
        for node in nodes(yaml.safe_load(path.read_text())):
            NODES.setdefault(node["_target_"], []).append(node)


def test_every_group_is_looked_at() -> None:
    groups = {path.parent.name for path in CFG.glob("*/*.yaml")} - {"experiment", "study"}
    made = {path.parent.name for path in CFG.glob("*/*.yaml") if "_target_" in path.read_text()}
    assert made == groups
    assert "partial_equiv.groups.SO2" in NODES, "nested"


@pytest.mark.parametrize("target", sorted(NODES))
def test_an_option_shows_the_default_of_the_signature(target: str) -> None:
    parameters = inspect.signature(resolve(target)).parameters
    defaults = {
        name: usual(each.default)
        for name, each in parameters.items()
        if each.default is not each.empty and (short(target), name) not in OWN
    }
    for name, default in defaults.items():
        shown = [plain(node[name]) if name in node else default for node in NODES[target]]
        assert default in shown, f"{target}: {name}"


def test_no_exception_is_stale() -> None:
    for target, name in OWN:
        (full,) = (each for each in NODES if short(each) == target)
        default = inspect.signature(resolve(full)).parameters[name].default
        assert all(node.get(name, default) != default for node in NODES[full])


def short(target: str) -> str:
    """The name of a class without its module."""
    return target.rpartition(".")[2]


def usual(default: object) -> object:
    """A default of a signature as a YAML writes it."""
    if str(default) == "<factory>":  # of a dataclass: an empty mapping
        return {}
    return list(default) if isinstance(default, tuple) else default


def plain(value: object) -> object:
    """A value where DATA_DIR is not set; of an open mapping, what is neither null nor 0."""
    if isinstance(value, dict) and "_target_" not in value:
        return {key: each for key, each in value.items() if each}
    return value.replace("${oc.env:DATA_DIR,data}", "data") if isinstance(value, str) else value
