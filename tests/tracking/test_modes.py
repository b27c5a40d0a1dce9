"""W&B, as a fake that is logged in: in which mode, as which run; what happens to failures."""

import importlib
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tracking import JsonTracker, WandbTracker


class FakeRun:
    """A run that keeps what it is given, or has a full disk."""

    id, offline, dir, url = "abc", False, "wandb/run/files", "https://example.org/abc"

    def __init__(self, options: Mapping[str, Any], broken: bool = False) -> None:
        self.options, self.broken = options, broken
        self.logged: list[dict[str, Any]] = []
        self.summary: dict[str, Any] = {}

    def log(self, values: dict[str, Any]) -> None:
        """Take values."""
        if self.broken:
            raise OSError("No space left on device;\nnothing more today")
        self.logged.append(values)

    def define_metric(self, name: str, step_metric: str | None = None) -> None:
        """Take no notice."""

    def finish(self) -> None:
        """End."""


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[FakeRun]:
    """The runs that a fake wandb, logged in, has started."""
    started: list[FakeRun] = []

    def init(**options: object) -> FakeRun:
        started.append(FakeRun(options))
        return started[-1]

    fake = SimpleNamespace(
        init=init,
        login=lambda prompt, verify: not (prompt or verify),
        setup=lambda settings: None,
        teardown=lambda: None,
        run=None,
        Settings=lambda **settings: settings,
    )
    monkeypatch.setitem(sys.modules, "wandb", fake)
    for name in os.environ:
        if name.startswith("WANDB_"):
            monkeypatch.delenv(name)
    return started


def test_online_goes_on_as_the_same_run(tmp_path: Path, runs: list[FakeRun]) -> None:
    for _ in range(2):
        WandbTracker(tmp_path, name="a", config={"seed": 0}, project="p", entity="me")
    first, second = (each.options for each in runs)
    assert first["id"] == second["id"] == (tmp_path / "wandb_id").read_text()
    assert second["resume"] == "allow"
    assert (first["mode"], first["project"], first["entity"]) == ("online", "p", "me")
    assert first["dir"] == str(tmp_path)


@pytest.mark.parametrize(
    ("mode", "variable", "expected"),
    [
        ("auto", None, "online"),
        ("auto", "offline", "offline"),
        ("auto", "disabled", "disabled"),
        ("offline", "online", "offline"),
        ("online", "offline", "online"),
    ],
)
def test_modes(
    tmp_path: Path,
    runs: list[FakeRun],
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    variable: str | None,
    expected: str,
) -> None:
    if variable:
        monkeypatch.setenv("WANDB_MODE", variable)
    WandbTracker(tmp_path, mode=mode)
    assert [each.options["mode"] for each in runs] == [expected]


def test_a_sweep_and_the_environment_decide(
    tmp_path: Path, runs: list[FakeRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "3")
    monkeypatch.setenv("WANDB_SWEEP_ID", "s1")
    WandbTracker(tmp_path, group="g")
    (options,) = (each.options for each in runs)
    assert options["dir"] == str(tmp_path / "elsewhere")
    assert "init_timeout" not in options["settings"]
    assert not {"id", "project", "entity"} & {*options}


def test_a_failure_costs_itself_alone_and_is_told_once(
    tmp_path: Path, runs: list[FakeRun], caplog: pytest.LogCaptureFixture
) -> None:
    tracker = WandbTracker(tmp_path)
    tracker.scalars({"lr": 1.0}, epoch=1, step=1)
    runs[0].broken = True
    for epoch in (2, 3):
        tracker.scalars({"lr": 1.0}, epoch=epoch, step=epoch)
    runs[0].broken = False
    tracker.scalars({"lr": 0.5}, epoch=4, step=4)
    tracker.finish({"test/accuracy": 1.0})
    assert [each["epoch"] for each in runs[0].logged] == [1, 4]
    assert runs[0].summary == {"test/accuracy": 1.0}
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.message for record in warnings] == [
        "W&B: a record is not there: OSError: No space left on device; nothing more today"
    ]
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 4


def test_a_bad_key_is_one_warning(
    tmp_path: Path,
    runs: list[FakeRun],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def login(**options: object) -> None:
        raise PermissionError("API key must have 40+ characters\nsee the documentation")

    monkeypatch.setattr(sys.modules["wandb"], "login", login)
    WandbTracker(tmp_path)
    assert [each.options["mode"] for each in runs] == ["offline"]
    (warning,) = caplog.messages
    reason = "PermissionError: API key must have 40+ characters see the documentation"
    assert warning.endswith(f"instead of online: {reason}")


def test_without_wandb_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    module = importlib.reload(sys.modules[WandbTracker.__module__])  # imports without wandb
    with pytest.raises(ValueError, match=r"tracking=wandb: not installed; .* tracking=none"):
        module.WandbTracker(tmp_path)
    JsonTracker(tmp_path).scalars({"lr": 1.0}, epoch=1, step=1)
    assert (tmp_path / "metrics.jsonl").exists()
