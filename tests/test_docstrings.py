"""What docstrings say of errors: a section `Raises:`, which names what the body raises."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imports import source_files

ROOT = Path(__file__).parents[1]
SECTION = re.compile(r"^Raises:\n((?: {4}.*\n|\n)+)", re.M)
INLINE = re.compile(r"\b[Rr]aises [A-Z]\w+|\A[Rr]aise [A-Z]\w+")
Documented = ast.FunctionDef | ast.ClassDef

FILES = [path for path in source_files(ROOT) if path.relative_to(ROOT).parts[0] not in ("tests",)]


def documented(tree: ast.AST) -> Iterator[Documented]:
    """All classes and functions but constructors, which the docstring of the class is about."""
    for node in ast.walk(tree):
        if isinstance(node, Documented) and not getattr(node, "name", "").startswith("__"):
            yield node


def raised(node: ast.AST) -> Iterator[str]:
    """The names of the errors that leave a body by its own doing."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Raise) and child.exc is not None:
            error = child.exc.func if isinstance(child.exc, ast.Call) else child.exc
            name = ast.unparse(error).rpartition(".")[2]
            if name[0].isupper():
                yield name
        elif isinstance(child, ast.Try) and child.handlers:  # what is raised in it may be caught
            for part in (*child.handlers, *child.orelse, *child.finalbody):
                yield from raised(part)
        elif not isinstance(child, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            yield from raised(child)


def bodies(node: Documented) -> list[ast.FunctionDef]:
    """A function itself; what makes an object of a class."""
    if isinstance(node, ast.FunctionDef):
        return [node]
    made_by = ("__init__", "__post_init__")
    return [
        each for each in node.body if isinstance(each, ast.FunctionDef) and each.name in made_by
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_name_the_errors_that_are_raised(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    public = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }
    for node in documented(tree):
        text = (ast.get_docstring(node) or "") + "\n"
        section = SECTION.search(text)
        named = set(re.findall(r"^ {4}([\w.]+):", section[1], re.M)) if section else set()
        found = {name for body in bodies(node) for name in raised(body)}
        if section or node.name in public:
            left_out = found - {name.rpartition(".")[2] for name in named}
            assert not left_out, f"{node.name} raises {left_out}, its docstring has {named}"
        assert not INLINE.search(text), f"{node.name}: errors stand in a section Raises:"
