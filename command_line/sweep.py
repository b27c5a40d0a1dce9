"""A sweep: its jobs, the folder of each one, and what has become of them."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from config_schema.quoting import typed
from run_folder import is_done

__all__ = ["Sweep"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sweep:
    """The sweep's folder and its jobs' folders, in order."""

    folder: Path
    jobs: tuple[Path, ...]

    @classmethod
    def of(cls, jobs: Sequence[DictConfig]) -> "Sweep":
        """The sweep that Hydra would make at this moment of jobs with these configs."""
        folder, folders = None, []
        for number, config in enumerate(jobs):
            config.hydra.job.num, config.hydra.job.id = number, str(number)
            folder = folder or Path(config.hydra.sweep.dir).absolute()
            folders.append(folder / str(OmegaConf.select(config, "hydra.sweep.subdir")))
        assert folder is not None, "a sweep has at least one job"
        return cls(folder, tuple(folders))

    @property
    def how_to_continue(self) -> str:
        """What an interrupted user is told."""
        place = typed("hydra.sweep.dir", os.path.relpath(self.folder))
        return f"with {place} the same words continue"

    def report(self) -> int:
        """Write the sweep's page, and name the jobs that left no result; the exit status."""
        from analysis.report import leave_report  # seconds to import

        failed = [folder for folder in self.jobs if not is_done(folder)]
        done, place = len(self.jobs) - len(failed), os.path.relpath(self.folder)
        leave_report(self.folder)
        log.info("%d of %d jobs have a result in %s", done, len(self.jobs), place)
        for folder in failed:
            log.error("failed: %s (see main.log there)", os.path.relpath(folder))
        return 1 if failed else 0
