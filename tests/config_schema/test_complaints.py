"""Complaints: what is an error of the user's, told in a line, and what is a bug of ours."""

import ast
import errno
import os
import pickle
from pathlib import Path

import pytest
import torch

from config_schema import ConfigError, complaint
from datasets.spec import MissingData
from partial_equiv.groups import Cyclic
from partial_equiv.refusal import Refusal
from partial_equiv.sampling import Sampling
from tests.imports import source_files

ROOT = Path(__file__).parents[2]


def caught(action: object) -> BaseException:
    """The exception that an action raises."""
    assert callable(action)
    try:
        action()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def raise_(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (lambda: raise_(ConfigError("seed=a: no")), "seed=a: no"),
        (
            lambda: raise_(MissingData("no data", "here", "get them")),
            "no data; looked in here; get",
        ),
        (lambda: Sampling(Cyclic(2), 3), "num_samples=3: "),
        (lambda: raise_(OSError(errno.ENOSPC, "No space left on device", "a/b")), "a/b: No space"),
        (lambda: open("/nowhere/at/all"), "/nowhere/at/all: No such file"),  # noqa: PTH123, SIM115
        (
            lambda: raise_(torch.OutOfMemoryError("CUDA")),
            "out of memory: a smaller train.batch_size",
        ),
    ],
)
def test_an_error_of_the_user_is_a_line(action: object, told: str) -> None:
    reason = complaint(caught(action))
    assert reason is not None
    assert told in reason
    assert len(reason.splitlines()) == 1


@pytest.mark.parametrize(
    "action",
    [
        lambda: int("three"),
        lambda: torch.nn.Linear(2, 2)(torch.zeros(3)),
        lambda: {}["key"],
        lambda: torch.nn.BatchNorm1d(3)(torch.zeros(1, 3)),  # a ValueError, but of torch
    ],
)
def test_a_bug_is_none(action: object) -> None:
    assert complaint(caught(action)) is None


def test_everything_is_a_bug_if_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "HYDRA_FULL_ERROR", "1")
    assert complaint(ConfigError("seed=a: no")) is None


def test_what_we_refuse_has_a_type_of_ours() -> None:
    """A plain ValueError counts as a bug: `Refusal` (or ConfigError, without torch) says more."""
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in source_files(ROOT)
        if path.relative_to(ROOT).parts[0] not in ("tests", "benchmarks")
        and path.name != "targets.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Raise) and "ValueError(" in ast.unparse(node)
    ]
    assert not bare


def test_a_refusal_names_its_settings_and_survives_a_process() -> None:
    error = Refusal("must be less", depth=3, width=[1, 2])
    again = pickle.loads(pickle.dumps(error))
    assert str(error) == str(again) == "depth=3, width=[1, 2]: must be less"
    assert error.settings == again.settings == {"depth": 3, "width": [1, 2]}
