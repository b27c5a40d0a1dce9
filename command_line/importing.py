"""Importing torch, and what needs it: a second and a half of each process."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["importing_torch"]


@contextmanager
def importing_torch() -> Iterator[None]:
    """Import torch in this block without looking for garbage among what it makes: objects by the
    hundred thousand, all of which stay as long as the process."""
    if "torch" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
