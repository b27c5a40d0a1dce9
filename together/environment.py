"""What torchrun and srun say of a process in its environment, read before anything is loaded."""

import os

__all__ = ["of_srun", "several", "speaks"]


def of_srun() -> bool:
    """Whether srun has started this process, and not a person in a shell that srun has started."""
    return "SLURM_STEP_ID" in os.environ and "SLURM_PTY_PORT" not in os.environ


def several() -> bool:
    """Whether this process is one of several that torchrun or srun has started.

    A script that runs in a Slurm job without srun is one process, however many tasks the job has.
    """
    tasks = os.environ.get("SLURM_STEP_NUM_TASKS", "1") if of_srun() else "1"
    if "TORCHELASTIC_RUN_ID" in os.environ:
        tasks = os.environ.get("WORLD_SIZE", "1")
    return tasks.isdecimal() and int(tasks) > 1


def speaks() -> bool:
    """Whether this process is the one that its machine's terminal hears."""
    local = "LOCAL_RANK" if "TORCHELASTIC_RUN_ID" in os.environ else "SLURM_LOCALID"
    return not several() or os.environ.get(local, "0") == "0"
