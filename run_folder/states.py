"""What has become of a run, as its folder shows."""

from pathlib import Path
from typing import Literal, TypeAlias

from run_folder.files import has_checkpoint, is_done, read_failure
from run_folder.lock import is_running

__all__ = ["State", "state"]

State: TypeAlias = Literal["done", "running", "torn", "failed", "waiting"]


def state(folder: Path) -> State:
    """What has become of the run in this folder."""
    if is_done(folder):
        return "done"
    if is_running(folder):
        return "running"
    if read_failure(folder) is not None:
        return "failed"
    return "torn" if has_checkpoint(folder) else "waiting"
