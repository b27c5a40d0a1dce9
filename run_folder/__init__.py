"""A run folder: where one run leaves its config, result and checkpoints, and one process writes.

    config.yaml         the resolved config, with what its figures depend on beside; written first
    overrides.yaml      the words that made it, so that the run can be continued
    data.json           what its net knows of its data: shapes, classes, normalisation
    checkpoints/last.pt written by the trainer; with no result beside it, the run was torn
    failure.txt         why a job of a sweep or study ended without a result
    result.json         the final figures, written last and at once

Two processes that share a folder do not mix: the second finds it locked (the lock dies with its
process, however that dies).
"""

from run_folder.difference import difference
from run_folder.files import (
    ABOUT,
    ANEW,
    CONFIG,
    FAILURE,
    LAST,
    RESULT,
    folder_name,
    forget_failure,
    has_checkpoint,
    is_done,
    read_about,
    read_config,
    read_failure,
    read_finished,
    read_overrides,
    read_result,
    seconds_since_start,
    write_config,
    write_failure,
    write_result,
)
from run_folder.lock import Occupied, claim, is_running
from run_folder.states import State, state

__all__ = [
    "ABOUT",
    "ANEW",
    "CONFIG",
    "FAILURE",
    "LAST",
    "RESULT",
    "Occupied",
    "State",
    "claim",
    "difference",
    "folder_name",
    "forget_failure",
    "has_checkpoint",
    "is_done",
    "is_running",
    "read_about",
    "read_config",
    "read_failure",
    "read_finished",
    "read_overrides",
    "read_result",
    "seconds_since_start",
    "state",
    "write_config",
    "write_failure",
    "write_result",
]
