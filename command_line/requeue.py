"""Requeueing: a run that Slurm's signal has stopped asks to be started again where it stands."""

import logging
import os
import shutil
import signal
import subprocess

from together import of_srun

__all__ = ["requeue"]

log = logging.getLogger(__name__)

TIME_IS_UP = (signal.SIGUSR1, signal.SIGUSR2)  # not SIGTERM, which also scancel sends


def requeue(number: int) -> None:
    """Put this process's Slurm job into the queue again, if the signal says that its time is up.

    `#SBATCH --signal=USR1@120` has it sent two minutes before the end. Nothing happens where srun
    has not started the process (without it, the default folder of a run has another name the next
    time), or scontrol is not found.
    """
    job = os.environ.get("SLURM_JOB_ID") if of_srun() else None
    scontrol = shutil.which("scontrol")
    first = os.environ.get("SLURM_PROCID", "0") == "0"  # one process asks for all
    if number not in TIME_IS_UP or job is None or scontrol is None or not first:
        return
    log.info("asking Slurm to start job %s again", job)  # before: it may end this process at once
    done = subprocess.run([scontrol, "requeue", job], capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        log.warning("Slurm does not start job %s again: %s", job, said)
