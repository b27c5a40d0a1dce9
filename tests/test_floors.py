"""The floors of DESIGN: imports point down only, and few rooms may know Hydra or W&B."""

import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.imports import imported_names, module_name, source_files

ROOT = Path(__file__).parents[1]

FLOORS: tuple[tuple[str, ...], ...] = (  # the lowest first
    (
        "config_schema.complaints",
        "config_schema.quoting",
        "interruption",
        "partial_equiv.intervals",
        "partial_equiv.refusal",
    ),
    ("partial_equiv.groups",),
    ("partial_equiv.ck",),
    ("partial_equiv.relaxations",),
    ("partial_equiv.sampling",),
    ("partial_equiv.gconv",),
    ("partial_equiv.equivariance",),
    ("partial_equiv.penalties",),
    ("partial_equiv.baking",),
    ("partial_equiv",),
    ("from_run", "plain_files", "datasets.stiffness", "together"),
    ("models", "datasets", "tracking", "checkpoint", "run_folder", "provenance"),
    ("trainer", "training", "tester", "tasks", "analysis", "budget"),
    ("measures",),
    ("config_schema", "composition"),
    ("contracts", "matching"),
    ("constructors",),
    ("run", "studies", "predict", "export"),
    ("command_line",),
    ("main", "hydra_plugins"),
)
HEIGHT = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
FREE = ("tests", "benchmarks", "docs")  # they may import anything, and nobody may import them

LIBRARY_MAY_IMPORT = {"partial_equiv", "torch", *sys.stdlib_module_names}
CONFIGURED = {
    "main",
    "command_line",
    "constructors",
    "composition",
    "config_schema",
    "hydra_plugins",
    "studies",
}
ONLY_IN = {
    "hydra": CONFIGURED,
    "omegaconf": CONFIGURED,
    "wandb": {"tracking"},
    "wandb_workspaces": {"tracking"},
    "lightning": {"trainer", "training"},
    "lightning_fabric": {"together", "trainer", "training"},
}


def room_of(name: str) -> str | None:
    """Return the room that a dotted name lies in: its longest prefix that has a floor."""
    parts = name.split(".")
    prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in HEIGHT), None)


def objection(room: str, name: str) -> str | None:
    """Return why a module of a room may not import a name, or None if it may."""
    top, target = name.split(".")[0], room_of(name)
    if top in FREE:
        return "which nobody may import"
    if room not in ONLY_IN.get(top, {room}):
        return f"which is not for {room}"
    if room.startswith("partial_equiv") and target is None and top not in LIBRARY_MAY_IMPORT:
        return "but the library needs torch alone"
    if target is not None and HEIGHT[target] > HEIGHT[room]:
        return "which lies above"
    return None


def violations(root: Path) -> list[str]:
    """Return one line for every import of the checkout that the floors forbid."""
    found = []
    rooms: dict[str, set[str]] = {}
    modules: dict[str, set[str]] = {}
    paths = {module_name(path, root): path for path in source_files(root)}
    for module, path in paths.items():
        if module.split(".")[0] in FREE:
            continue
        room = room_of(module)
        if room is None or (room == "partial_equiv" and module != room):
            found.append(f"{module} has no floor")
            continue
        names = imported_names(path, root)
        for name in sorted(names):
            reason = objection(room, name)
            if reason is not None:
                found.append(f"{module} imports {name}, {reason}")
        targets = {room_of(name) for name in names} - {room}
        rooms.setdefault(room, set()).update(
            target for target in targets if target and HEIGHT[target] <= HEIGHT[room]
        )
        read = {name if name in paths else name.rpartition(".")[0] for name in names}
        modules[module] = read & paths.keys() - {module}
    return found or cycles(rooms) or cycles(modules)


def cycles(imports: dict[str, set[str]]) -> list[str]:
    """Return a line for a circle of imports, of which there may be more; none if there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return [f"a cycle: {' imports '.join(reversed(error.args[1]))}"]
    return []


def test_imports_point_down() -> None:
    assert violations(ROOT) == []


def test_the_checkout_is_really_read() -> None:
    rooms = {room_of(module_name(path, ROOT)) for path in source_files(ROOT)}
    assert {"datasets", "partial_equiv.groups"} <= rooms


CLEAN = {
    "main.py": "import hydra\nimport constructors",
    "constructors.py": "from omegaconf import DictConfig\nfrom measures import angles",
    "measures/angles.py": "import tester",
    "trainer.py": "import math\nfrom tester import evaluate\ndef f():\n    import lightning_fabric",
    "tester.py": "from partial_equiv import frozen_kernels",
    "tracking.py": "import wandb",
    "partial_equiv/__init__.py": "from partial_equiv import gconv\nfrom .groups import so2",
    "partial_equiv/gconv/conv.py": "import torch\nfrom partial_equiv.groups.so2 import SO2",
    "partial_equiv/gconv/pool.py": "from . import conv\nfrom ..sampling import Sampling",
    "partial_equiv/groups/so2.py": "from math import pi",
    "tests/test_main.py": "import main, wandb",
    ".venv/lib/trainer.py": "import main",
    "outputs/tasks.py": "import main",
}


def build(root: Path, files: dict[str, str]) -> Path:
    """Write a small checkout."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_clean_tree_passes(tmp_path: Path) -> None:
    assert violations(build(tmp_path, CLEAN)) == []


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("trainer.py", "import main", "trainer imports main, which lies above"),
        (
            "models/net.py",
            "from trainer import Trainer",
            "models.net imports trainer.Trainer, which",
        ),
        ("measures/a.py", "def f():\n    import constructors", "measures.a imports constructors,"),
        ("tasks.py", "from tests.imports import x", "tasks imports tests.imports.x, which nobody"),
        ("tasks.py", "from omegaconf import OmegaConf", "which is not for tasks"),
        ("trainer.py", "import wandb", "trainer imports wandb, which is not for trainer"),
        ("tester.py", "from lightning.fabric import Fabric", "which is not for tester"),
        ("partial_equiv/ck/mlp.py", "import numpy", "but the library needs torch alone"),
        (
            "partial_equiv/ck/mlp.py",
            "import datasets",
            "partial_equiv.ck.mlp imports datasets, which",
        ),
        ("partial_equiv/ck/mlp.py", "from ..gconv import conv", "which lies above"),
        ("partial_equiv/groups/so2.py", "from partial_equiv import sampling", "which lies above"),
        ("partial_equiv/groups/so2.py", "from partial_equiv import SO2", "lies above"),
        ("partial_equiv/misc.py", "", "partial_equiv.misc has no floor"),
        ("symmetry/net.py", "", "symmetry.net has no floor"),
        ("tester.py", "import trainer", "a cycle:"),
        ("tester.py", "if TYPE_CHECKING:\n    from trainer import Trainer", "a cycle:"),
        (
            "partial_equiv/gconv/conv.py",
            "def f():\n    from partial_equiv.gconv.pool import Pool",
            "a cycle: partial_equiv.gconv.",
        ),
    ],
)
def test_a_violation_is_found(tmp_path: Path, path: str, text: str, line: str) -> None:
    found = violations(build(tmp_path, {**CLEAN, path: text}))
    assert [entry for entry in found if line in entry], found
    assert len(found) == 1
