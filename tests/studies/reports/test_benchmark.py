"""The report of the benchmark, from made-up results: tables, ranks, areas, and every figure."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from analysis.ranks import distinguished, ranks
from datasets.truth import Truth
from measures.measure import Measured
from studies.finished import FinishedRun
from studies.reports import benchmark
from tracking import JsonTracker

GOOD = {"cnn": 0.7, "strict": 0.5, "learned_subset": 0.9}
COLUMNS = ("degrees", "mirrored", "should keep", "agreement", "accuracy")


class Loaded:
    """A run whose data have a truth."""

    class spec:
        truth = Truth(45, 2)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """What is reported of three methods on three tasks, one of them at two sizes."""
    folder = tmp_path_factory.mktemp("benchmark")
    runs = []
    tasks = {"half_turn": 0.0, "half_turn_60": 0.1, "upright": 0.05, "cells_1": 0.02}
    for task, less in tasks.items():
        for place, (method, mean) in enumerate(GOOD.items()):
            for seed in (0, 1, 2):
                result: dict[str, Any] = {
                    "test/r2" if task == "cells_1" else "test/accuracy": mean - less + 0.01 * seed,
                    "samples": 60 if task.endswith("60") else 240,
                    "parameters": 12000,
                    "cost/step_seconds": 0.01 * (place + 1),
                }
                run = FinishedRun(
                    f"{task}/{method}", seed, folder / task / method / str(seed), result
                )
                run.folder.mkdir(parents=True)
                if task == "half_turn":
                    result |= {"agreement/lack": 0.1 * place, "agreement/excess": 0.2}
                    angles = [
                        [15.0 * i, False, None, math.cos(i / 4) ** 2, None] for i in range(24)
                    ]
                    JsonTracker(run.folder).table(benchmark.TABLE, COLUMNS, angles)
                runs.append(run)
    runs.append(FinishedRun("upright/cnn/tuning/slow", 100, folder, {"val/accuracy": 0.1}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FinishedRun, "load", lambda self: Loaded)
        return benchmark.report(runs, folder / "figures")


def test_the_table_marks_the_best_and_what_may_be_as_good(measured: Measured) -> None:
    columns, rows = measured.tables["accuracy"]
    assert columns == ["method", "half_turn", "half_turn_60", "upright", "cells_1"]
    assert [row[0] for row in rows] == list(GOOD)
    assert rows[2][1] == "**0.910 ± 0.025**"
    assert not any("**" in str(cell) for row in rows[:2] for cell in row)
    close = {"a": {0: 0.9, 1: 0.8, 2: 0.85}, "b": {0: 0.8, 1: 0.82, 2: 0.85}, "c": {}}
    assert distinguished(close) == {"a", "b"}


def test_areas_are_over_the_logarithm_of_the_pictures(measured: Measured) -> None:
    assert measured.values["area/half_turn/cnn"] == pytest.approx(0.66)
    columns, rows = measured.tables["area"]
    assert columns[-2:] == ["60 pictures", "240 pictures"]
    assert [row[0] for row in rows] == ["half_turn"] * 3


def test_ranks_are_over_the_tasks_and_say_what_counts(measured: Measured) -> None:
    """Each size is no task of its own."""
    assert measured.values["rank/learned_subset"] == 1
    assert measured.tables["ranks"][0][1] == "mean rank over half_turn, upright, cells_1"
    (((statement,),),) = (measured.tables["ranks_differ"][1],)
    assert statement.startswith("3 methods on 3 tasks: they differ (Friedman, p = 0.05)") or (
        "no difference is certain" in str(statement)
    )


def test_friedman_and_nemenyi_are_those_of_the_literature() -> None:
    """Of numbers with ties; Demšar (2006), section 3.2.2, has 1.25 for four methods on 14 tasks."""
    from scipy.stats import friedmanchisquare

    draws = torch.randint(6, (14, 4), generator=torch.Generator().manual_seed(0)).tolist()
    tasks = {
        str(i): dict(zip("abcd", map(float, each), strict=True)) for i, each in enumerate(draws)
    }
    found = ranks(tasks)
    assert found is not None
    assert found.critical == pytest.approx(1.25, abs=0.005)
    assert found.p_value == pytest.approx(friedmanchisquare(*zip(*draws, strict=True)).pvalue)
    assert list(found.mean.values()) == sorted(found.mean.values())
    assert sum(found.mean.values()) == pytest.approx(10)


def test_every_figure_is_drawn(measured: Measured) -> None:
    names = {path.stem for path in measured.pictures}
    assert names == {"agreement_half_turn", "costs", "efficiency_half_turn"}
    assert all(path.stat().st_size > 10_000 for path in measured.pictures)


def test_nothing_is_reported_of_nothing() -> None:
    assert benchmark.report([], Path()) == Measured()
