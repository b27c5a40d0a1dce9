"""The page of a sweep: its rows, their differences over the same seeds, and what is not done."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from analysis.comparison import Row, read_rows, sweep_tables
from analysis.report.blocks import Code, Facts, Folder, Page, Section, Shown, table
from analysis.report.parts import STATES, checkout, main_command, shown_figures, where
from analysis.report.pictures import Picture
from analysis.study import draw_study
from run_folder import (
    RESULT,
    State,
    read_about,
    read_failure,
    read_overrides,
    read_result,
    state,
)

__all__ = ["sweep_page"]

METRIC = "test/accuracy"
MOST_COMMANDS = 200


def sweep_page(path: Path, jobs: Sequence[Path]) -> Page:
    """What can be told of the jobs of a sweep in its folder."""
    folder = Folder(path)
    states = {job: state(job) for job in jobs}
    results: dict[Path, Mapping[str, Any]] = {}
    words = {job: folder.attempt(read_overrides, job) or [] for job in jobs}
    for job in jobs:
        if (job / RESULT).exists():
            results[job] = folder.attempt(read_result, job) or {}
    metric = _metric([result for result in results.values() if result])
    chosen = [
        job
        for job, result in results.items()
        if result and folder.attempt(read_rows, path, metric, [job])
    ]
    rows = (folder.attempt(read_rows, path, metric, chosen) if chosen else None) or {}
    abouts = [folder.attempt(read_about, job) or {} for job in chosen]
    if not chosen:
        folder.note("no job has a result yet")
    tables = folder.attempt(sweep_tables, rows, metric) or {}
    left = [[job.name, _told(job, what, folder)] for job, what in states.items() if what != "done"]
    shared = [
        word for word in (words[jobs[0]] if jobs else []) if all(word in w for w in words.values())
    ]
    counts = Counter(states.values())
    commands = [main_command(words[job]) for job in jobs[:MOST_COMMANDS]]
    sections = [
        Section(
            "What was asked",
            [Facts([("jobs", str(len(jobs))), ("shared words", " ".join(shared) or "none")])],
        ),
        Section(
            "Rows",
            [
                Shown(_figure(folder, rows, metric)),
                *(table(name, lines) for name, lines in tables.items()),
            ],
        ),
        Section("Jobs that are not done", [table("", [["job", "state"], *left])] if left else []),
        Section("Where its jobs ran", [Facts(where(abouts))]),
        Section("How to repeat it", [Code("\n".join([*_checkouts(abouts), *commands]))]),
    ]
    progress = f"{counts['done']} of {len(jobs)} jobs done"
    return Page("sweep", path.absolute().name, progress, sections, folder.name, folder.missing)


def _metric(results: Sequence[Mapping[str, Any]]) -> str:
    """What the jobs are compared by: the accuracy, or else what they all have of their test."""
    shared = [name for name in (results[0] if results else {}) if all(name in r for r in results)]
    tested = [name for name in shared if name.startswith("test/")]
    tested.sort(key=lambda name: "loss" in name)
    return METRIC if METRIC in shared or not tested else tested[0]


def _told(job: Path, what: State, folder: Folder) -> str:
    reason = folder.attempt(read_failure, job) if what == "failed" else None
    return f"{STATES[what]}: {reason}" if reason else STATES[what]


def _figure(folder: Folder, rows: Mapping[str, Row], metric: str) -> list[Picture]:
    """The figure of the rows, drawn for this page."""
    if len(rows) < 2:
        return []
    with TemporaryDirectory() as place:
        picture = Path(place) / "figures" / "rows.png"
        values = {name: row.values for name, row in rows.items()}
        draw_study(values, metric, picture, title="Every row of the sweep")
        return shown_figures(Folder(Path(place), folder.missing))


def _checkouts(abouts: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(line for about in abouts for line in checkout(about)))
