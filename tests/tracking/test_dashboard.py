"""The saved W&B view: what its panels name is what runs log, and nobody is asked to log in."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from analysis.dashboard import main
from tests.terminal import Terminal
from tracking.dashboard import view


@pytest.fixture(scope="module")
def panels() -> list[Any]:
    """All panels of the view."""
    made = view("project", "team")
    assert (made.project, made.entity) == ("project", "team")
    made._to_model()  # what is sent to W&B
    return [panel for section in made.sections for panel in section.panels]


def test_panels_show_what_a_run_tells(
    panels: list[Any], terminal: Terminal, tmp_path: Path
) -> None:
    assert terminal("debug=True", "net.hidden_channels=2").status == 0
    (result,) = tmp_path.rglob("result.json")
    final = json.loads(result.read_text()).keys()
    logged = json.loads((result.parent / "metrics.jsonl").read_text().splitlines()[-1]).keys()
    lines = [panel for panel in panels if type(panel).__name__ == "LinePlot"]
    bars = [panel for panel in panels if type(panel).__name__ == "BarPlot"]
    assert len(lines) + len(bars) == len(panels) > 6
    assert {str(line.x) for line in lines} == {"epoch"}
    assert {name for line in lines for name in line.y} <= logged
    assert {name for bar in bars for name in bar.metrics} <= final
    (ranges,) = (line.metric_regex for line in lines if line.metric_regex)
    shown = {name for name in logged if re.fullmatch(ranges, name)}
    assert {"range/lifting", "range/conv1"} <= shown < logged


def test_without_a_login_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import wandb

    monkeypatch.setattr(wandb, "login", lambda **_: False)
    assert main(["--project", "p"]) == 1
    assert capsys.readouterr() == (
        "",
        "W&B: not logged in; run `wandb login`, or set WANDB_API_KEY\n",
    )


def test_a_refusal_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import wandb

    def refuse(**_: object) -> None:
        raise PermissionError("bad key\nmore")

    monkeypatch.setattr(wandb, "login", refuse)
    assert main(["--project", "p"]) == 1
    assert capsys.readouterr().err == "W&B: PermissionError: bad key\n"


@pytest.mark.parametrize("package", ["wandb", "wandb_workspaces"])
def test_a_missing_package_is_one_line(
    package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import wandb

    monkeypatch.setattr(wandb, "login", lambda **_: True)
    monkeypatch.setitem(sys.modules, package, None)
    for name in [name for name in sys.modules if name.startswith("wandb_workspaces.")]:
        monkeypatch.delitem(sys.modules, name)
    assert main(["--project", "p", "--entity", "e"]) == 1
    assert re.fullmatch(
        rf"{package.replace('_', '-')} is not installed; .*\n", capsys.readouterr().err
    )
