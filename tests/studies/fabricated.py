"""A study's folder with results that nobody ran, as tests of reports need it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from run_folder import write_config, write_result
from studies.folder import StudyFolder
from studies.jobs import study_jobs
from studies.study import read_study

__all__ = ["fabricated"]

ABOUT = {"commit": "abcdef0123456789", "processor": "A processor", "threads": 1}


def fabricated(
    path: Path, study: Mapping[str, Any], results: Mapping[str, Mapping[int, Mapping[str, Any]]]
) -> StudyFolder:
    """The folder of a study called `small` with these results, by row, then by seed."""
    said = read_study(study)
    jobs = study_jobs(said, path)
    folder = StudyFolder(path, "small", said, (), tuple(jobs))
    folder.begin()
    for job in jobs:
        if (result := results.get(job.row, {}).get(job.seed)) is not None:
            place = folder.place(job)
            place.mkdir(parents=True)
            words = dict(word.partition("=")[::2] for word in job.words)
            dataset = {"_target_": words.get("dataset", "digits"), "split_seed": job.seed}
            write_config(place, {"dataset": dataset}, job.words, ABOUT)
            write_result(place, result)
    return folder
