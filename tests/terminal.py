"""The command line as tests call it (the fixture `terminal` is in `conftest`)."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

__all__ = ["Answer", "Terminal"]


class Answer(NamedTuple):
    """What the command line gives back."""

    status: int
    out: str
    err: str


Terminal: TypeAlias = Callable[..., Answer]
