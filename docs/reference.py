"""Build the API reference from the docstrings: python docs/reference.py [FOLDER].

A warning of pdoc is an error, such as one about a name that is exported but not there, or about an
annotation that means nothing.
"""

import sys
import warnings
from importlib import import_module
from math import inf
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import markdown2
import pdoc
from pdoc import render_helpers
from pdoc.render import configure, env

from partial_equiv.intervals import Interval

ROOT = Path(__file__).parents[1]
MODULES = (
    *("partial_equiv", "constructors", "predict", "export"),
    *("models", "datasets", "tasks", "measures"),
)


def build(folder: Path) -> list[Path]:
    """Write the pages of MODULES, and of what is in them; their files.

    Raises:
        Warning: of pdoc's, if there is any.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module="pdoc")
        for name in MODULES:
            show_all(import_module(name))
        Interval.__repr__ = bounds
        configure(docformat="google", show_source=False, footer_text="partial_equiv")
        env.filters["to_html"] = as_html
        pdoc.pdoc(*MODULES, output_directory=folder)
    return sorted(folder.rglob("*.html"))


def show_all(module: ModuleType) -> None:
    """Load the names that come when they are asked for; count the modules in it among them."""
    parts = [each.name for each in iter_modules(getattr(module, "__path__", ()))]
    parts = [name for name in parts if not name.startswith("_")]
    for name in parts:
        show_all(import_module(f"{module.__name__}.{name}"))
    exported = getattr(module, "__all__", parts)
    for name in exported:
        vars(module).setdefault(name, getattr(module, name))
    vars(module)["__all__"] = [*dict.fromkeys([*exported, *parts])]


def bounds(interval: Interval) -> str:
    """The limits of an argument, as a signature shows them: >= 0, < 1."""
    low = f"{'>' if interval.open_low else '>='} {interval.low:g}"
    high = f"{'<' if interval.open_high else '<='} {interval.high:g}"
    is_low, is_high = interval.low > -inf, interval.high < 2**31 - 1
    return ", ".join([low] * is_low + [high] * is_high)


def as_html(docstring: str) -> str:
    """Markdown as pdoc reads it, but tags are text: range/<layer> has a name in it, and no HTML."""
    return markdown2.markdown(
        docstring,
        safe_mode="escape",
        extras=render_helpers.markdown_extensions,
        link_patterns=render_helpers.markdown_link_patterns,
    )


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "build" / "docs"
    pages = build(chosen)
    sys.stdout.write(f"{len(pages)} pages, from {chosen / 'index.html'}\n")
