"""EXPERIMENTS.md: its blocks are those of cfg/study, and its commands exist."""

import re
import shutil
from functools import cache
from pathlib import Path

import pytest

from analysis.power import main as power
from composition import CONFIG_FOLDER
from studies.experiments import FILE, block, blocks, main, shipped_studies
from studies.folder import StudyFolder
from studies.study import Study
from tests.studies.fabricated import fabricated

TEXTS = [FILE, FILE.with_name("README.md")]
NAMES = sorted(
    str(path.relative_to(CONFIG_FOLDER / "study").with_suffix(""))
    for path in (CONFIG_FOLDER / "study").rglob("*.yaml")
    if not path.name.startswith("_")
)


@cache
def shipped() -> dict[str, Study]:
    """The studies of cfg/study."""
    return shipped_studies()


def cells(content: str) -> list[list[str]]:
    """The lines of a block's tables."""
    return [line.strip("| ").split(" | ") for line in content.splitlines() if line[:1] == "|"]


@pytest.mark.parametrize("name", NAMES)
def test_every_study_has_its_block_with_its_rows_and_published_figures(name: str) -> None:
    content = blocks(FILE.read_text()).get(name)
    assert content, f"{name}: `python -m studies.experiments` writes its block"
    assert content.startswith(f"`python main.py study={name}")
    fresh = block(name, shipped()[name])
    about, *_ = content.splitlines()
    ran = "not run" not in about
    if not ran:
        assert content == fresh, f"{name}: `python -m studies.experiments` writes it anew"
        return
    assert re.search(r"· commit [0-9a-f]{7}", about)
    ours, there = cells(fresh), cells(content)
    rows = len(shipped()[name].named_rows()) + 2
    assert [line[:2] for line in there[:rows]] == [line[:2] for line in ours[:rows]]
    assert [line[0] for line in there[rows:]] == [line[0] for line in ours[rows:]]
    for line in there[2:rows]:
        assert (line[2] == "not run") == (line[3] == "-"), line


def test_what_is_decided_beforehand_is_what_the_calculation_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Seeds and hours of every line; and the rows of what is to be run have these seeds."""
    lines = [line for line in cells(FILE.read_text()) if line[1:2] and "--difference" in line[1]]
    study, decided = shipped()["decided"], dict[str, int]()
    rows = study.named_rows()
    for claim, words, deviation, difference, num, hours, both, verdict in lines:
        options = words.strip("`").split()
        assert power(options) == 0
        said = capsys.readouterr().out
        assert f": {num} seeds" in said
        assert float(deviation) == pytest.approx(float(said.split()[1].strip(":")), rel=0.05)
        assert float(difference) == float(options[options.index("--difference") + 1])
        if hours == "-":
            assert "hours" not in said
        else:
            assert f", {hours} hours" in said
            assert float(both) == pytest.approx(float(hours) / 1.77, abs=0.06)
        if verdict == "yes":
            assert claim in study.claims
            decided |= {row: int(num) for row in rows if row in claim.split()}
    assert {row: [*range(num)] for row, num in decided.items()} == {
        name: list(row.seeds) for name, row in rows.items() if row.seeds
    }


def test_there_is_no_block_of_another_study() -> None:
    assert set(blocks(FILE.read_text())) == set(NAMES)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_study_and_preset_that_is_named_exists(path: Path) -> None:
    text = path.read_text()
    presets = set(re.findall(r"\+experiment=([\w/.-]*\w)", text))
    studies = set(re.findall(r"\bstudy=([\w/.-]*\w)", text))
    assert studies
    assert studies <= set(NAMES)
    missing = [
        each for each in presets if not (CONFIG_FOLDER / f"experiment/{each}.yaml").is_file()
    ]
    assert not missing
    assert "routine" not in text


def test_a_block_is_written_from_a_folder_and_all_else_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = {
        "rows": {"a": {"published": 0.95, "source": "[C]"}, "b": {}, "c": {}},
        "seeds": [0, 1, 2],
        "columns": ["defect"],
        "claims": ["a > b", "c > b"],
    }
    cost = {"parameters": 70, "seconds/train": 3.2, "defect": 0.25}
    results = {
        "a": {seed: {"test/accuracy": 0.9 + seed / 100, **cost} for seed in range(3)},
        "b": {0: {"test/accuracy": 0.5, **cost}},
    }
    folder: StudyFolder = fabricated(tmp_path / "runs", study, results)
    file = shutil.copy(FILE, tmp_path / "EXPERIMENTS.md")
    assert main([str(folder.path), "--file", str(file)]) == 0
    assert capsys.readouterr().out == "written: small\n"
    before, after = FILE.read_text(), file.read_text()
    content = blocks(after)["small"]
    assert before.replace(blocks(before)["small"], "") == after.replace(content, "")
    assert content == (
        "`python main.py study=small` · test/accuracy · seeds 0, 1, 2 · commit abcdef0 · "
        "A processor, 1 thread\n\n"
        "| row | published | ours | seeds | parameters | seconds | defect |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| a | 0.95 [C] | 0.9100 ± 0.0100 | 3 | 70 | 3 | 0.2500 ± 0.0000 |\n"
        "| b | - | 0.5000 | 1 | 70 | 3 | 0.2500 |\n"
        "| c | - | not run | - | - | - | - |\n\n"
        "| claim | verdict | difference, 95 % interval |\n"
        "| --- | --- | --- |\n"
        "| a > b | undecided | +0.4000 [-inf, +inf] |\n"
        "| c > b | not run | - |\n"
    )
    assert main([str(tmp_path), "--file", str(file)]) == 1
    assert "holds no study" in capsys.readouterr().err
    assert file.read_text() == after
