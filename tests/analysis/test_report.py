"""The page of a run, a sweep, a study: all of it in one file, nothing of a stranger's is run."""

import base64
import logging
import random
import shutil
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest

import studies.report
from analysis import report
from analysis.report import curves, leave_report, sweep_page, write_report
from analysis.report.__main__ import main
from benchmarks.campaign.damage import damage
from run_folder import write_failure
from tests.analysis.pages import EVIL, RESULT, hostile, made_up, svg
from tests.studies.fabricated import fabricated

MIB = 2**20


class Read(HTMLParser):
    """A page as its reader sees it: elements with their attributes, and text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = " ".join(" ".join(self.pieces).split())
        self.images = [each for tag, each in self.elements if tag == "img"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.pieces.append(data)


def check_nothing_outside(page: Read) -> None:
    """No script, nothing that loads, and no address but those that hold what they show."""
    known = {*("html", "head", "meta", "link", "title", "style", "body", "header", "main"), "b"}
    known |= {*("section", "aside", "footer", "h1", "h2", "p", "ul", "li", "dl", "dt", "dd"), "div"}
    known |= {*("table", "caption", "thead", "tbody", "tr", "th", "td", "pre", "details"), "figure"}
    known |= {
        *("summary", "figcaption", "img", "svg", "path", "polyline", "circle", "text"),
        "span",
    }
    for tag, attributes in page.elements:
        assert tag in known, tag
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("srcset", "action", "formaction", "id", "background"), (tag, name)
            if name in ("src", "href"):
                assert value is not None
                assert value.startswith(("data:image/png;", "data:image/svg+xml;", "data:,"))
            assert "url(" not in (value or "") or name == "content"
    style = page.pieces[[tag for tag, _ in page.elements].index("style") - 5 :]
    assert not any("@import" in piece or "url(" in piece for piece in style[:3])
    (policy,) = (each for tag, each in page.elements if "http-equiv" in each and tag == "meta")
    assert str(policy["content"]).startswith("default-src 'none'; img-src data:;")
    assert all(each["alt"] for each in page.images)


def test_a_run_is_told_on_one_page(tmp_path: Path) -> None:
    folder = made_up(tmp_path / "run")
    path = write_report(folder)
    assert path == folder / "report.html"
    assert path.stat().st_size < 3 * MIB
    assert not list(folder.glob(".*unfinished"))
    page = Read(path)
    check_nothing_outside(page)
    for said in (
        *("run · finished", "gcnn, SE2, rotmnist, seed 3", "95.43 %", "test/loss not finite"),
        *("dataset.size 28", "dataset (chosen) rotmnist", "base_group SE2", "lifting ±90° 0.2500"),
        *("unseen 0.8750", "angles/curve", "… and 10 more lines", "A processor", "20166"),
        "git checkout 0123456789abcdef # and changes that were not committed "
        "python main.py dataset=rotmnist dataset.size=28 train.epochs=4 seed=3 'net.names=[a b]'",
    ):
        assert said in page.text, said
    kinds = [str(each["src"]).split(",")[0] for each in page.images]
    assert kinds == ["data:image/svg+xml;base64", "data:image/png;base64"]
    assert page.images[0]["alt"] == "learned ranges: How much is kept"
    (loss,) = (each for tag, each in page.elements if tag == "svg" and each.get("role") == "img")
    expected = "train from 2.0000 to 0.5000; val from 3.0000 to 0.7500"
    assert loss["aria-label"] == f"loss over epochs 1 to 4: {expected}"
    assert write_report(folder).read_text() == path.read_text(), "the same folder, the same page"


def test_an_unfinished_run_shows_what_there_is_and_says_what_there_is_not(tmp_path: Path) -> None:
    folder = made_up(tmp_path, result=None)
    shutil.rmtree(folder / "figures")
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 5, "tra')
    write_failure(folder, "out of <memory>")
    page = Read(write_report(folder))
    assert "run · failed: out of <memory>" in page.text
    assert "there is no result yet" in page.text
    assert "metrics.jsonl: line 6 is damaged" in page.text
    assert "±45°" in page.text, "the last epoch's ranges"
    labels = [str(each["aria-label"]) for _, each in page.elements if each.get("role") == "img"]
    assert [label.split(" over ")[0] for label in labels] == [
        *("loss", "kept rotations, or probability", "relative defect"),
    ], "drawn from the records, where the run has left no figure"
    for name in ("config.yaml", "overrides.yaml"):
        (folder / name).unlink()
    assert "config.yaml is not there" in Read(write_report(folder)).text


def test_nothing_of_a_stranger_is_run_or_fetched(tmp_path: Path) -> None:
    folder = hostile(tmp_path / "run")
    page = Read(write_report(folder))
    check_nothing_outside(page)
    shown = EVIL.replace("\u202e", "�")
    assert f"net.name {shown}" in page.text
    assert f"'net.name={shown}'" in page.text, "quoted for the shell"
    assert "'seed='\"'\"'; rm -rf ~ #'" in page.text
    assert "git checkout x" not in page.text
    assert not {"\u202e", "\ud800"} & {*page.text}
    assert "entities.svg is not shown: it defines words of its own" in page.text
    assert "linked" not in page.text, "no file from elsewhere"
    sources = [base64.b64decode(str(each["src"]).partition(",")[2]) for each in page.images]
    assert any(b"<script>" in source for source in sources), "inert: an image runs nothing"


def test_of_a_picture_the_file_is_taken_that_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PNG in place of a large or damaged SVG; what neither has room for is told."""
    folder = made_up(tmp_path)
    drawn = folder / "figures" / "learned_ranges.svg"
    for text in (svg("<!-- -->" * 60_000), svg()[:-3], "<b/>", '<svg xmlns="x"/>'):
        drawn.write_text(text)
        images = Read(write_report(folder)).images
        assert [str(each["src"])[:14] for each in images] == ["data:image/png"] * 2, text[:20]
    noise = random.Random(0).randbytes(3 * MIB)
    (folder / "figures" / "kernels.png").write_bytes(noise)
    path = write_report(folder)
    assert path.stat().st_size < 3 * MIB
    assert "figures/kernels.png is not shown: there is no room" in Read(path).text
    monkeypatch.setattr(report.writing, "MOST_BYTES", path.stat().st_size - 50)
    page = Read(write_report(folder))
    assert page.images == []
    assert "the figures are left out" in page.text


def drawn(*given: object, title: str = "", **_: object) -> Path:
    """In place of Matplotlib's drawing of rows, which takes seconds."""
    path = next(each for each in given if isinstance(each, Path))
    path.parent.mkdir(exist_ok=True)
    path.with_suffix(".svg").write_text(svg(title=escape(title)))
    path.with_suffix(".png").write_bytes(b"")
    return path


def test_a_sweep_is_its_rows_and_what_is_not_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_page, "draw_study", drawn)
    for name, partial, value in (("a", "True", 0.9), ("b", "False", 0.8), ("c", "False", 0.7)):
        seed = int(name == "c")
        made_up(
            tmp_path / name,
            config={"seed": seed, "dataset": {"size": 28}},
            words=[f"conv.partial={partial}", f"seed={seed}", "tracking=none"],
            result={**RESULT, "test/accuracy": value},
        )
    (tmp_path / "d").mkdir()
    write_failure(tmp_path / "d", "no memory")
    made_up(tmp_path / "e")
    (tmp_path / "e" / "result.json").write_text("{")
    page = Read(write_report(tmp_path))
    check_nothing_outside(page)
    for said in (
        "sweep · 3 of 5 jobs done",
        "True 0.9000 - 1",
        "False 0.7500 0.0707 2",
        "d failed: no memory",
        "e/result.json is damaged",
        "python main.py conv.partial=True seed=0 tracking=none",
    ):
        assert said in page.text, said
    (figure,) = page.images
    assert figure["alt"] == "rows: Every row of the sweep"


def test_a_study_is_its_rows_with_published_values_and_verdicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies.report, "draw_study", drawn)
    study = {
        "title": "Six & <nine>",
        "words": ["tracking=none"],
        "rows": {"a": {"published": 0.95, "source": "[C]"}, "b": {}, "c": {}},
        "seeds": [0, 1],
        "claims": ["a >= b", "a < 0.5", "c > a"],
    }
    results = {
        row: {seed: {"test/accuracy": 0.9 - place / 10 + seed / 1e4} for seed in (0, 1)}
        for place, row in enumerate("ab")
    }
    folder = fabricated(tmp_path, study, results)
    page = Read(write_report(folder.path))
    assert "report.json: No such file" in page.text, "before there is a report"
    studies.report.report(folder)
    page = Read(tmp_path / "report.html")
    check_nothing_outside(page)
    for said in (
        *("study · 4 of 6 runs done", "Six & <nine>", "a 0.9500 0.9001 7.07e-05 2", "not run"),
        *("claims supported 1", "claims refuted 1", "claims not run 1", "✓ supported"),
        *("✗ refuted", "c/seed=0 not finished", "Published values", "abcdef0123456789"),
        "python main.py study=small",
    ):
        assert said in page.text, said
    assert page.images[0]["alt"] == "rows: Six & <nine>"


KINDS = (
    *("cut in the middle", "a bit flipped", "random bytes", "a list of others", "a huge number"),
    *("YAML that runs", "YAML of other types", "a pipe", "a folder", "missing"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_no_damage_is_worse_than_a_line(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of each file in turn; nothing is left half."""
    choose = random.Random(kind)
    whole = made_up(tmp_path / "whole")
    files = [path.relative_to(whole) for path in whole.rglob("*") if path.is_file()]
    for number, name in enumerate(files):
        folder = tmp_path / str(number)
        shutil.copytree(whole, folder)
        damage(folder / name, kind, choose)
        status = main([str(folder), "-o", str(tmp_path / "page.html")])
        told = capsys.readouterr()
        assert status == 0, f"{name}: {told.err}"
    study = fabricated(tmp_path / "study", {"rows": {"a": {}}, "seeds": [0]}, {})
    damage(study.path / "study.json", kind, choose)
    status = main([str(study.path)])
    told = capsys.readouterr()
    assert told.err.count("\n") == status, told.err


def test_what_cannot_be_told_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    folder = made_up(tmp_path / "run")
    for words, reason in (
        (["nowhere"], "there is no such folder"),
        (["file"], "there is no such folder"),
        (["empty"], "holds no run, sweep or study"),
        (["run", "-o", str(tmp_path / "nowhere" / "x.html")], "No such file or directory"),
        (["run", "-o", str(tmp_path / "empty")], "Is a directory"),
    ):
        assert main([str(tmp_path / words[0]), *words[1:]]) == 1
        error = capsys.readouterr().err
        assert reason in error
        assert error.count("\n") == 1
    with caplog.at_level(logging.WARNING):
        leave_report(tmp_path / "empty")
    (record,) = caplog.records
    assert "report.html is not written: " in record.getMessage(), "a run is done all the same"
    assert main([str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"


def test_curves_have_gaps_where_there_is_no_value_and_few_points() -> None:
    found = curves.chart("x", {"a": [1.0, None, 3.0, 2.0], "b": [None] * 4}, [1, 2, 3, 4])
    assert found is not None
    assert [line.name for line in found.lines] == ["a"]
    assert [piece.count(",") for piece in found.lines[0].pieces] == [1, 2]
    places = [place for place, _ in found.up]
    assert places == sorted(places, reverse=True), "upwards"
    many = curves.chart("x", {"a": [float(i) for i in range(10_000)]}, range(10_000))
    assert many is not None
    assert many.lines[0].pieces[0].count(",") <= 402
    assert curves.chart("x", {"a": [None]}, [1]) is None
    for odd in (0.0, 5e-324, 1e25, -1.0):
        assert curves.chart("x", {"a": [odd]}, [1]) is not None
    assert curves.chart("x", {"a": [0.0, 5e-324]}, [1, 2]) is not None
