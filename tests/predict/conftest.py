"""The run that tests of predictions ask."""

from pathlib import Path

import pytest

from tests.discovery import finished_run
from tests.measures.conftest import TINY


@pytest.fixture(scope="module")
def p4_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on upright digits in their disc, whose p4 net is invariant to quarter
    turns."""
    folder = tmp_path_factory.mktemp("run")
    finished_run(folder, *TINY[:-1], "train=none", "dataset.test_size=40")
    return folder
