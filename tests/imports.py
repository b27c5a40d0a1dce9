"""Which modules a Python file imports, read from its source without running it."""

import ast
from pathlib import Path

__all__ = ["imported_names", "module_name", "source_files"]

LEFT_OUT = {"build", "data", "outputs", "multirun", "wandb"}


def source_files(root: Path) -> list[Path]:
    """Return the Python files of a checkout, without environments and what runs leave behind."""
    files = (path.relative_to(root) for path in root.rglob("*.py"))
    return sorted(
        root / path
        for path in files
        if path.parts[0] not in LEFT_OUT and not any(part.startswith(".") for part in path.parts)
    )


def module_name(path: Path, root: Path) -> str:
    """Return the dotted name under which a file of the checkout is imported."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(path: Path, root: Path) -> set[str]:
    """Return all imported names, absolute and dotted; `from a import b` gives `a.b`.

    Imports inside functions count as well, and so do those that only a type checker sees.
    """
    package = module_name(path, root).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *(node.module or "").split(".")]).strip(".")
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names
