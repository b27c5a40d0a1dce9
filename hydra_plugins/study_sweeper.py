"""Hydra's sweeper for studies: `hydra/sweeper=study`, which main.py chooses for study=<name>.

It hands the words of the study's runs to Hydra's launcher, whichever that is, wave by wave: a run
that builds on others is launched once those are done, a run of a tuned row with the setting that
its trials have chosen. What is done already is not launched.
"""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore

__all__ = ["StudySweeper"]

log = logging.getLogger(__name__)

ATTEMPTS = 2
"""How often a run is launched that ends neither with a result nor with a failure of its own: it was
killed, or was in a pool of processes of which one was killed, which ends them all."""

LOOK = 1.0  # seconds between two looks at what is running


@dataclass
class StudySweeperConf:
    """Settings of the sweeper.

    Attributes:
        jobs: names of the runs to launch; None: all of the study.
    """

    _target_: str = "hydra_plugins.study_sweeper.StudySweeper"
    jobs: list[str] | None = None


ConfigStore.instance().store(
    group="hydra/sweeper", name="study", node=StudySweeperConf, provider="partial_equiv"
)


class StudySweeper(BasicSweeper):
    """Launches the runs of the study in hydra.sweep.dir, which has been written there before."""

    def __init__(self, jobs: list[str] | None = None) -> None:
        super().__init__(max_batch_size=None)
        self.jobs = jobs

    def sweep(self, arguments: list[str]) -> Any:  # noqa: ANN401
        """Launch what is not done yet."""
        from config_schema.quoting import quoted
        from partial_equiv.refusal import Refusal
        from studies.folder import read_study_folder
        from studies.jobs import waves

        assert self.config is not None
        assert self.launcher is not None
        folder = read_study_folder(Path(self.config.hydra.sweep.dir))
        jobs = [job for job in folder.jobs if self.jobs is None or job.name in self.jobs]
        states = {job.name: folder.state(job) for job in jobs}
        log.info("study=%s: %s", folder.name, folder.progress(self.jobs))
        started, returns = 0, []
        made: dict[str, tuple[str, ...]] = {}
        for wave in waves(jobs):
            ready = []
            for job in wave:
                missing = [need for need in job.needs if states[need] != "done"]
                if missing:
                    log.error("not run: %s needs %s", job.name, ", ".join(missing))
                elif states[job.name] != "done":
                    try:
                        made[job.name] = folder.words(job)
                        ready.append(job)
                    except Refusal as error:
                        log.error("not run: %s: %s", job.name, error)
            for _ in range(ATTEMPTS):
                if not ready:
                    break
                words = [
                    [*made[job.name], f"hydra.sweep.subdir={quoted(job.name)}"] for job in ready
                ]
                try:
                    returns.append(self.launcher.launch(words, initial_job_idx=started))
                except Exception as error:  # of the launcher's, see `ATTEMPTS`
                    reason = " ".join(f"{type(error).__name__}: {error}".split())
                    log.error("a process of the launcher's has died: %s", reason)
                while any(folder.state(job) == "running" for job in ready):
                    time.sleep(LOOK)  # a launcher gives up at the first death, others may go on
                started += len(ready)
                states |= {job.name: folder.state(job) for job in ready}
                ready = [job for job in ready if states[job.name] in ("torn", "waiting")]
        return returns
