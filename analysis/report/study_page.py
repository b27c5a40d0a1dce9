"""The page of a study: its rows beside what was published, its claims, and its figures."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.report.blocks import (
    Block,
    Code,
    Facts,
    Folder,
    Page,
    Section,
    Shown,
    Table,
    table,
    written,
)
from analysis.report.parts import (
    STATES,
    checkout,
    main_command,
    shown_figures,
    tables_of,
    where,
)
from plain_files import read_json
from run_folder import read_about, state

__all__ = ["STUDY", "study_page"]

STUDY, REPORT = "study.json", "report.json"
TABLES = ("rows", "claims", "differences")


def study_page(path: Path) -> Page:
    """What can be told of the study in a folder; its tables are those of its last report.

    Raises:
        Refusal: if the file that says what the study is is damaged.
    """
    folder = Folder(path)
    about = read_json(path / STUDY, dict, "start the study again to write it anew")
    study = _of(dict, about.get("study"))
    told = f"python -m studies.report {path} writes it"
    report = folder.attempt(read_json, path / REPORT, dict, told) or {}
    states = {name: state(place) for name, place in _places(folder, about)}
    abouts = [
        folder.attempt(read_about, place) or {}
        for name, place in _places(folder, about)
        if states[name] == "done"
    ]
    tables = {each.name: each for each in tables_of(folder, TABLES)}
    own = [each for name, each in tables.items() if name not in TABLES]
    shown = shown_figures(folder)
    rows = [each for each in shown if each.name == "rows"]
    counts = Counter(states.values())
    left = [[name, STATES[what]] for name, what in states.items() if what != "done"]
    name = written(about.get("name", path.absolute().name))
    title = study.get("title") or name
    sections = [
        Section("Result", [Facts(list(_verdicts(report)), large=True)]),
        Section("What was asked", list(_asked(study, name, _words(about.get("further"))))),
        Section("Rows", [Shown(rows), *_some(tables, "rows")], _published(study)),
        Section("Claims", list(_some(tables, "claims"))),
        Section("Differences of rows over the same seeds", list(_some(tables, "differences"))),
        Section("Further tables and figures", [*own, Shown([x for x in shown if x not in rows])]),
        Section("Runs that are not done", [table("", [["run", "state"], *left])] if left else []),
        Section("Where its runs ran", [Facts(where(abouts))]),
        Section("How to repeat it", [Code(_repeated(name, about, abouts))]),
    ]
    progress = f"{counts['done']} of {len(states)} runs done"
    return Page("study", written(title), progress, sections, folder.name, folder.missing)


def _words(value: object) -> list[str]:
    return [str(word) for word in _of(list, value)]


def _of(kind: type, value: object) -> Any:  # noqa: ANN401
    """The value if it is of that kind, else an empty one: the folder may be a stranger's."""
    return value if isinstance(value, kind) else kind()


def _places(folder: Folder, about: Mapping[str, Any]) -> list[tuple[str, Path]]:
    """The runs of a study with their folders, which lie in its own."""
    found = []
    for job in _of(list, about.get("jobs")):
        if isinstance(job, dict) and {"row", "seed"} <= job.keys():
            name = f"{job['row']}/seed={job['seed']}"
            if "\0" not in name and not {"..", ""} & {*name.split("/")}:
                found.append((name, folder.path / name))
                continue
        folder.note(f"{STUDY}: a run of it cannot be read")
    return found


def _verdicts(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    said = [str(_of(dict, each).get("verdict")) for each in _of(list, report.get("claims"))]
    for verdict, count in sorted(Counter(said).items()):
        yield f"claims {verdict}", str(count)


def _asked(study: Mapping[str, Any], name: str, further: Sequence[str]) -> Iterator[Block]:
    """The study's words and rows."""
    yield Code(main_command([f"study={name}", *further]))
    yield Facts(
        [
            ("measured", written(study.get("metric", "test/accuracy"))),
            ("seeds", ", ".join(map(str, _of(list, study.get("seeds")))) or "-"),
            ("words of every run", " ".join(_words(study.get("words"))) or "none"),
        ]
    )
    said = {row: _of(dict, each).get("words") for row, each in _of(dict, study.get("rows")).items()}
    for axis, options in _of(dict, study.get("axes")).items():
        said |= {f"{axis}: {option}": words for option, words in _of(dict, options).items()}
    lines = [[row, " ".join(_words(words))] for row, words in said.items()]
    yield table("Rows and their words", [["row", "words"], *lines])


def _published(study: Mapping[str, Any]) -> str:
    """What there is to compare with."""
    rows = _of(dict, study.get("rows")).values()
    if any(_of(dict, row).get("published") is not None for row in rows):
        return "Published values stand beside ours: hollow diamonds in the figure."
    return "Nothing is published to compare these rows with."


def _repeated(name: str, about: Mapping[str, Any], abouts: Sequence[Mapping[str, Any]]) -> str:
    """What repeats the study, line by line."""
    commits = {str(each.get("commit")): each for each in abouts}
    lines = [line for each in commits.values() for line in checkout(each)]
    if len(lines) > 1:
        lines = ["# its runs are of several commits, of which one is to be chosen", *lines]
    return "\n".join([*lines, main_command([f"study={name}", *_words(about.get("further"))])])


def _some(tables: Mapping[str, Table], name: str) -> Iterator[Block]:
    if name in tables:
        yield replace(tables[name], name="")
