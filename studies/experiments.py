"""The blocks of EXPERIMENTS.md, one for each study, written from the folders of its runs.

    python -m studies.experiments FOLDER…

A block stands between `<!-- study: small -->` and `<!-- end -->`; whatever is written around it is
left as it is. The block of a shipped study that nobody ran says so, and follows cfg/study; where
there is none, it is written at the end.
"""

import re
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from pathlib import Path

from omegaconf import OmegaConf

from analysis.tables import markdown, number
from composition import CONFIG_FOLDER
from config_schema import exit_status
from constructors import compose
from plain_files import read_text, write_whole
from run_folder import read_about
from studies.finished import FinishedRun, finished_runs
from studies.folder import StudyFolder, read_study_folder
from studies.outcome import Outcome, RowOutcome, outcome
from studies.study import Study, read_study

__all__ = ["block", "blocks", "main", "rewritten", "shipped_studies"]

FILE = Path(__file__).parents[1] / "EXPERIMENTS.md"
BLOCK = re.compile(r"^<!-- study: (?P<name>\S+) -->\n(?P<content>.*?)^<!-- end -->\n", re.M | re.S)


def shipped_studies() -> dict[str, Study]:
    """The studies of cfg/study, by name."""
    top = CONFIG_FOLDER / "study"
    paths = sorted(path for path in top.rglob("*.yaml") if not path.name.startswith("_"))
    names = [str(path.relative_to(top).with_suffix("")) for path in paths]
    configs = {name: compose([f"study={name}"]).study for name in names}
    return {
        name: read_study(OmegaConf.to_container(config, resolve=False))
        for name, config in configs.items()
    }


def blocks(text: str) -> dict[str, str]:
    """What stands in the blocks of a text, by the names of their studies."""
    return {match["name"]: match["content"] for match in BLOCK.finditer(text)}


def rewritten(text: str, contents: dict[str, str]) -> str:
    """A text with other contents in the blocks of some studies; new blocks stand at its end."""
    for name, content in contents.items():
        whole = f"<!-- study: {name} -->\n{content}<!-- end -->\n"
        if name in blocks(text):
            text = BLOCK.sub(lambda old: whole if old["name"] == name else old[0], text)  # noqa: B023
        else:
            text = f"{text.rstrip()}\n\n{whole}"
    return text


def block(name: str, study: Study, folder: StudyFolder | None = None) -> str:
    """What EXPERIMENTS.md says of a study.

    Args:
        name: of the study.
        study: what it says.
        folder: of its runs; None: nobody has run it.

    Raises:
        Refusal: for a claim that cannot be read, or that names a row that there is not.
    """
    runs = finished_runs(folder) if folder else []
    found = outcome(study, runs)
    words = " ".join([f"python main.py study={name}", *(folder.further if folder else ())])
    seeds = {run.seed for run in runs} or {*study.seeds}
    about = [f"`{words}`", " or ".join(study.metrics), _listed(seeds), *_made_with(runs)]
    head = ["row", "published", "ours", "seeds", "parameters", "seconds", *study.columns]
    lines = (_line(row_name, row, study.columns) for row_name, row in found.rows.items())
    tables = [[head, *lines]]
    if study.claims:
        tables.append(_claims(found))
    return "\n\n".join([" · ".join(about), *map(markdown, tables)]) + "\n"


def _line(name: str, row: RowOutcome, columns: Sequence[str]) -> list[str]:
    if not row.runs:
        return [name, row.published, "not run", *["-"] * (3 + len(columns))]
    ours = number(row.mean) + (f" ± {number(row.std)}" if row.std is not None else "")
    seconds = "-" if row.seconds is None else f"{row.seconds:.0f}"
    about = [str(len(row.runs)), str(row.parameters or "-"), seconds]
    return [name, row.published, ours, *about, *map(row.written, columns)]


def _claims(found: Outcome) -> list[list[str]]:
    table = [["claim", "verdict", "difference, 95 % interval"]]
    for each in found.judgements:
        about = each.interval
        bounds = ", ".join(number(bound, "+") for bound in (about.low, about.high))
        told = f"{number(about.mean, '+')} [{bounds}]" if about.num else "-"
        table.append([each.claim, each.verdict, told])
    return table


def _made_with(runs: Sequence[FinishedRun]) -> list[str]:
    """The commits and the machines of runs, in words."""
    if not runs:
        return ["not run"]
    commits, machines = dict[str, None](), dict[str, None]()
    for run in runs:
        about = read_about(run.folder)
        changed = " with uncommitted changes" if about.get("uncommitted_changes") else ""
        commits[f"{str(about.get('commit') or 'unknown')[:7]}{changed}"] = None
        threads = about.get("threads", "?")
        few = "1 thread" if threads == 1 else f"{threads} threads"
        machines[f"{about.get('processor') or 'an unknown machine'}, {few}"] = None
    return [f"commit {', '.join(commits)}", "; ".join(machines)]


def _listed(seeds: Iterable[int]) -> str:
    """Seeds in words.

    >>> _listed([3]), _listed({2, 0, 1}), _listed(range(15))
    ('seed 3', 'seeds 0, 1, 2', 'seeds 0 to 14')
    """
    known = sorted(seeds)
    if len(known) > 3 and known == list(range(known[0], known[-1] + 1)):
        return f"seeds {known[0]} to {known[-1]}"
    return f"seed{'s' * (len(known) > 1)} {', '.join(map(str, known))}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite the blocks of the studies in these folders; the exit status."""
    parser = ArgumentParser(
        prog="python -m studies.experiments", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER", help="of a study")
    parser.add_argument("--file", type=Path, default=FILE, help="EXPERIMENTS.md, or another one")
    given = parser.parse_args(arguments)
    return exit_status(lambda: _rewrite(given.folders, given.file))


def _rewrite(folders: Iterable[Path], file: Path) -> int:
    text = read_text(file, "it should be Markdown")
    there = blocks(text)
    contents = {
        name: block(name, study)
        for name, study in shipped_studies().items()
        if not there.get(name, "").partition("\n")[0].count("· commit ")
    }
    contents = {name: new for name, new in contents.items() if new != there.get(name)}
    for folder in map(read_study_folder, folders):
        contents[folder.name] = block(folder.name, folder.study, folder)
    write_whole(file, rewritten(text, contents))
    sys.stdout.write(f"written: {', '.join(contents) or 'nothing'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
