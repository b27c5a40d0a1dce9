"""docs/ and what stands beside the README: what it shows runs, what it points to is there."""

import re
import shlex
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import partial_equiv
from tests.terminal import Terminal
from tests.test_readme import blocks

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
SHORT = ["debug=True", "tracking=none", "net.hidden_channels=2", "net.widths=[1]", "net.pools=[0]"]
SHORT += ["base_group.num_samples=4"]


def test_the_python_of_the_library_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks((ROOT / "docs" / "library.md").read_text()):
        exec(compile(block, "library.md", "exec"), names)
    assert min(partial_equiv.learned_subsets(names["model"]).values()) == 1.0


@pytest.mark.slow
def test_the_tutorial_runs_from_its_first_block_to_the_last(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a tiny net, a few batches and one seed."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    text = (ROOT / "docs" / "tutorial.md").read_text()
    for language, block in re.findall(r"^```(sh|python)\n(.*?)^```", text, re.M | re.S):
        if language == "python":
            exec(compile(block, "tutorial.md", "exec"), names)
            continue
        for line in block.splitlines():
            python, program, *words = shlex.split(line.replace("seed=0,1", "seed=0"))
            assert python == "python"
            if program == "main.py":
                assert terminal(*words, *SHORT).status == 0, line
            else:
                assert program == "-m"
                assert program_of(words[0])(words[1:]) == 0, line
    assert [record["file"] for record in names["answers"]] == ["six.png", "turned.png"]
    assert len(names["losses"]) == 2
    with torch.no_grad():
        assert names["run"].model(torch.zeros(1, 1, 16, 16)).shape == (1, 2)


def program_of(name: str) -> Callable[[list[str]], int]:
    """What `python -m name` calls."""
    spec = find_spec(name)
    assert spec is not None, name
    is_package = spec.submodule_search_locations is not None
    return import_module(f"{name}.__main__" if is_package else name).main


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_pictures_are_there(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    places = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text)
    missing = [
        place for place in places if "://" not in place and not (page.parent / place).exists()
    ]
    assert missing == []
    assert "![](" not in text, "a picture without words"


def test_pictures_are_small_and_shown() -> None:
    pictures = list((ROOT / "docs" / "pictures").iterdir())
    assert sum(path.stat().st_size for path in pictures) < 150_000
    text = "".join(page.read_text() for page in PAGES)
    assert all(f"pictures/{path.name})" in text for path in pictures)


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == partial_equiv.__version__
    assert citation["title"] == "partial_equiv"
    assert f"## {partial_equiv.__version__}" in (ROOT / "CHANGELOG.md").read_text()
