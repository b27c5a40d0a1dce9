"""What the project says about its installation is true and said once."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import partial_equiv
from tests.imports import imported_names, source_files

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT: dict[str, Any] = PYPROJECT["project"]
CONSTRAINTS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


def requirements(*extras: str) -> dict[str, Requirement]:
    """Return the requirements of the library and of some extras by name."""
    lines = [*PROJECT["dependencies"]]
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return {Requirement(line).name: Requirement(line) for line in lines}


def test_the_library_needs_torch_alone() -> None:
    assert list(requirements()) == ["torch"]


def test_the_environment_file_installs_what_make_installs() -> None:
    environment = yaml.safe_load((ROOT / "environment.yaml").read_text())
    python, pip, packages = environment["dependencies"]
    assert python == f"python{PROJECT['requires-python']}"
    assert pip == "pip"
    assert packages == {"pip": ["-c constraints.txt", "-e .[dev]"]}
    assert "-c constraints.txt -e '.[dev]'" in (ROOT / "Makefile").read_text()
    assert environment["name"] == PROJECT["name"]


def test_ci_runs_the_test_command_of_the_readme() -> None:
    *_, command = (ROOT / ".ci" / "run").read_text().splitlines()
    blocks = re.findall(r"^```\w*\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    assert command == "make test"
    assert command in lines
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100, ".ci/run is not executable"


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=lambda requirement: requirement.name)
def test_a_constraint_is_a_bound_on_a_requirement(constraint: Requirement) -> None:
    assert constraint.url is None
    bounds = {part.operator: Version(part.version) for part in constraint.specifier}
    assert set(bounds) <= {">=", "<"}
    wanted = requirements("app", "sweep")[constraint.name]
    assert bounds[">="] in wanted.specifier, "the constraint allows what pyproject does not"


def test_installed_versions_meet_the_constraints() -> None:
    for constraint in CONSTRAINTS:
        assert constraint.specifier.contains(version(constraint.name), prereleases=True)


def test_the_version_stands_in_the_library_alone() -> None:
    setuptools = PYPROJECT["tool"]["setuptools"]
    assert PROJECT["dynamic"] == ["version"]
    assert setuptools["dynamic"]["version"] == {"attr": "partial_equiv.__version__"}
    assert version("partial_equiv") == partial_equiv.__version__


EXTRAS = {
    "app": ("app", "export"),
    "tests": ("app", "export", "sweep", "dev"),
    "docs": ("docs",),
}
ROOMS = {"tests": "tests", "benchmarks": "tests", "docs": "docs"}


@pytest.mark.parametrize("part", EXTRAS)
def test_every_import_is_a_declared_requirement(part: str) -> None:
    declared = {canonicalize_name(name) for name in requirements(*EXTRAS[part])}
    ours = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in source_files(ROOT)}
    distributions = packages_distributions()
    undeclared = {
        f"{path.name}: {top}"
        for path in source_files(ROOT)
        if ROOMS.get(path.relative_to(ROOT).parts[0], "app") == part
        for top in {name.split(".")[0] for name in imported_names(path, ROOT)}
        if top not in ours and top not in sys.stdlib_module_names
        if not declared & {canonicalize_name(name) for name in distributions.get(top, [top])}
    }
    assert undeclared == set()
