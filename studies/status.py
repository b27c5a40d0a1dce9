"""What has become of the runs of a study: python -m studies.status FOLDER."""

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from config_schema import exit_status
from run_folder import read_failure
from studies.folder import StudyFolder, read_study_folder

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print how far a study is; the exit status."""
    parser = ArgumentParser(prog="python -m studies.status", description=__doc__)
    parser.add_argument("folder", type=Path, help="of the study")
    given = parser.parse_args(arguments)

    def tell() -> int:
        sys.stdout.write("\n".join(lines(read_study_folder(given.folder))) + "\n")
        return 0

    return exit_status(tell)


def lines(folder: StudyFolder) -> list[str]:
    """A line for every run that is not done, and what it all comes to."""
    states = {job.name: folder.state(job) for job in folder.jobs}
    found = []
    for job in folder.jobs:
        state = states[job.name]
        missing = [need for need in job.needs if states.get(need) != "done"]
        if state == "failed":
            found.append(f"failed   {job.name}: {read_failure(folder.place(job))}")
        elif state == "waiting" and missing:
            found.append(f"waiting  {job.name}: not run, needs {', '.join(missing)}")
        elif state != "done":
            found.append(f"{state:<8} {job.name}")
    counts = Counter(states.values())
    summary = ", ".join(f"{counts[state]} {state}" for state in sorted(counts))
    return [*found, f"study={folder.name}: {summary}", folder.progress()]


if __name__ == "__main__":
    sys.exit(main())
