"""Importing Lightning Fabric without what it only asks for its version: that takes seconds."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

__all__ = ["quick_fabric"]


@contextmanager
def quick_fabric() -> Iterator[None]:
    """Import Fabric in this block.

    Fabric imports torchmetrics to compare its version, and with that torchvision's models and
    torch's compiler; 1.5 to 2 s of the 3 from the command to the first step. In this block, a
    module that knows the version alone stands in its place, unless it is there already.
    """
    name = "torchmetrics"
    if name in sys.modules:
        yield
        return
    stand_in = ModuleType(name)
    try:
        stand_in.__version__ = version(name)  # type: ignore[attr-defined]
    except PackageNotFoundError:
        yield
        return
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
