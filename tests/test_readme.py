"""The README: its Python needs nothing of ours but the library, its commands are what they seem."""

import ast
import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import partial_equiv
from command_line.study import study_run
from command_line.words import jobs
from composition import Composition
from constructors import components, compose
from partial_equiv import ck, gconv, groups, learned_subsets

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```", TEXT, re.M | re.S)
LINES = [line for block in COMMANDS for line in block.splitlines()]
LINES += [f"python main.py {words}" for words in re.findall(r"^\| `([^|]*=[^|]*)` \|", TEXT, re.M)]


def blocks(text: str) -> list[str]:
    """The ```python blocks of a Markdown text."""
    return re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the names of the README mean once its blocks have run."""
    found = blocks(README.read_text())
    assert found, "the README shows no Python"
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    names: dict[str, Any] = {}
    for block in found:
        exec(compile(block, README.name, "exec"), names)
    return names


def test_the_library_is_all_it_imports() -> None:
    block, *_ = blocks(README.read_text())
    tree = ast.walk(ast.parse(block))
    tops = {alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names}
    assert {"partial_equiv", "torch"} == tops
    lines = [line for line in block.splitlines() if line and not line.startswith("#")]
    assert len(lines) <= 10


def test_it_builds_a_classifier_that_can_be_trained(example: dict[str, Any]) -> None:
    (model,) = (value for value in example.values() if isinstance(value, nn.Module))
    assert example["report"].first_break is None, str(example["report"])
    assert example["report"].unmeasured == {}
    assert set(learned_subsets(model).values()) == {1.0}, "it starts fully equivariant"
    assert example["error"] < 1e-4
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    images = torch.randn(8, 1, 28, 28)
    model.train()
    for _ in range(2):
        loss = functional.cross_entropy(model(images), torch.arange(8))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        partial_equiv.after_step(model)
    assert min(learned_subsets(model).values()) < 1


@pytest.mark.parametrize("part", [groups, ck, gconv], ids=lambda part: part.__name__)
def test_groups_kernels_and_layers_are_found_at_the_top(part: Any) -> None:  # noqa: ANN401
    assert set(part.__all__) <= set(partial_equiv.__all__)
    assert all(getattr(partial_equiv, name) is getattr(part, name) for name in part.__all__)


def test_commands_mean_the_same_in_bash_and_in_zsh() -> None:
    """Where zsh reads names of files into brackets, and bash comments that zsh does not know."""
    assert len(LINES) > 30
    for line in LINES:
        bare = re.sub(r'"[^"$`\\]*"', "", line)
        assert not re.search(r"[][*?{}()<>#~!&;|…\\]|'", bare), line
        assert line.isascii()


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("python ")])
def test_commands_are_understood(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTPUT_DIR", str(tmp_path))
    (tmp_path / "mypackage.py").write_text(OWN_NET)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("RUN", "HOME"):
        line = line.replace(f"${name}", str(tmp_path))
    _, program, *words = shlex.split(line)
    if program == "-m":
        assert find_spec(words[0]) is not None
    elif words[0] == "-m":
        assert len(jobs(words[1:], Composition())) == 6
    elif words[0] == "--help":
        assert all(each in Composition().config() for each in words[1:])
    elif words[0].startswith("study="):
        found = study_run(words, Composition())
        assert found is not None
        assert found.jobs
    else:
        components(compose([word for word in words if not word.startswith("train.resume=")]))


OWN_NET = """\
from models.gcnn import GCNN

class Net(GCNN):
    pass
"""
