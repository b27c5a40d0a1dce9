"""Draws that several processes share: those that one process makes once for a whole batch.

Each process has its share of the images of a batch. What is drawn for each image, every process
draws by itself, from torch's default generator; what all images share must be the same everywhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

__all__ = ["shared", "shared_draws"]

_generator: ContextVar[torch.Generator | None] = ContextVar("shared_draws", default=None)


def shared() -> torch.Generator | None:
    """What to draw from what all images of a batch share; None: torch's default generator."""
    return _generator.get()


@contextmanager
def shared_draws(generator: torch.Generator | None) -> Iterator[None]:
    """Let samplings draw what all images of a batch share from this generator inside the block.

    It lies on the device of the net, and is in the same state on all processes.
    """
    token = _generator.set(generator)
    try:
        yield
    finally:
        _generator.reset(token)
