"""Hydra's sweeper for studies: `hydra/sweeper=study`, which main.py chooses for study=<name>.

It hands the words of the study's runs to Hydra's launcher, whichever that is, wave by wave: a run
that builds on others is launched once those are done. What is done already is not launched.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore

__all__ = ["StudySweeper"]

log = logging.getLogger(__name__)


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
        from studies.folder import read_study_folder
        from studies.study import waves

        assert self.config is not None
        assert self.launcher is not None
        folder = read_study_folder(Path(self.config.hydra.sweep.dir))
        jobs = [job for job in folder.jobs if self.jobs is None or job.name in self.jobs]
        states = {job.name: folder.state(job) for job in jobs}
        log.info("study=%s: %s", folder.name, folder.progress(self.jobs))
        started, returns = 0, []
        for wave in waves(jobs):
            ready = []
            for job in wave:
                missing = [need for need in job.needs if states[need] != "done"]
                if missing:
                    log.error("not run: %s needs %s", job.name, ", ".join(missing))
                elif states[job.name] != "done":
                    ready.append(job)
            if not ready:
                continue
            words = [[*job.words, f"hydra.sweep.subdir={quoted(job.name)}"] for job in ready]
            returns.append(self.launcher.launch(words, initial_job_idx=started))
            started += len(ready)
            states |= {job.name: folder.state(job) for job in ready}
        return returns
