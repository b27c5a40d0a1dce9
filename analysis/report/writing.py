"""Writing a page: which one a folder has, its HTML, its file."""

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from analysis.report.blocks import Page, Section, Shown
from analysis.report.run_page import run_page
from analysis.report.study_page import STUDY, study_page
from analysis.report.sweep_page import sweep_page
from config_schema.complaints import complaint
from partial_equiv.refusal import Refusal
from plain_files import write_whole
from run_folder import CONFIG, FAILURE, LAST, RESULT
from tracking.json_lines import METRICS

__all__ = ["NAME", "leave_report", "page_of", "render", "write_report"]

log = logging.getLogger(__name__)

NAME = "report.html"
MOST_BYTES = 3 * 2**20
OF_A_RUN = (CONFIG, RESULT, METRICS, LAST, FAILURE)
# What no text needs, and what no file can hold: control characters, signs that turn the direction
# of what follows them (so that a line reads as another one), halves of characters.
UNSEEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def write_report(folder: Path, output: Path | None = None) -> Path:
    """Write the page of a run, a sweep or a study; its file, by default report.html in the folder.

    Raises:
        Refusal: if the folder holds none of them.
        OSError: if it cannot be read, or the file not written.
    """
    path = output or folder / NAME
    write_whole(path, render(page_of(folder)))
    return path


def leave_report(folder: Path) -> None:
    """Write the page of what has just ended; if that fails, a line says so: the rest is done."""
    try:
        write_report(folder)
    except Exception as error:
        reason = complaint(error) or f"{type(error).__name__}: {error}"
        log.warning("%s is not written: %s", folder / NAME, " ".join(reason.split()))


def page_of(folder: Path) -> Page:
    """What is to be told of a folder.

    Raises:
        Refusal: if it holds no run, sweep or study.
    """
    if not folder.is_dir():
        raise Refusal(f"{folder}: there is no such folder")
    if (folder / STUDY).exists():
        return study_page(folder)
    if _is_run(folder):
        return run_page(folder)
    if jobs := sorted(path for path in folder.iterdir() if path.is_dir() and _is_run(path)):
        return sweep_page(folder, jobs)
    raise Refusal(f"{folder}: holds no run, sweep or study")


def _is_run(folder: Path) -> bool:
    return any((folder / name).exists() for name in OF_A_RUN)


def render(page: Page) -> str:
    """The page as HTML, without its figures where it would be too large with them.

    Raises:
        Refusal: if it would still be too large.
    """
    text = _template().render(page=page)
    if len(text.encode()) > MOST_BYTES:
        lost = "the figures are left out: with them, the page would be too large"
        bare = replace(page, sections=_without(page.sections), missing=[*page.missing, lost])
        text = _template().render(page=bare)
    if len(text.encode()) > MOST_BYTES:
        raise Refusal(f"{page.title[:80]}: its page would be larger than {MOST_BYTES // 2**20} MiB")
    return text


def _without(sections: Sequence[Section]) -> list[Section]:
    return [
        replace(section, blocks=[each for each in section.blocks if not isinstance(each, Shown)])
        for section in sections
    ]


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    return environment.get_template("page.html")


def _visible(value: object) -> object:
    """What the template writes, without what could not be seen; its own macros' HTML stays."""
    return value if hasattr(value, "__html__") else UNSEEN.sub("�", str(value))
