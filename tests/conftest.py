"""What several tests share: the command line, called in this process."""

import logging
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

import main
from tests.discovery import Discovery
from tests.slurm.cluster import Cluster
from tests.terminal import Answer, Terminal

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("untimed")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell leaves it in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def discovery(tmp_path_factory: pytest.TempPathFactory) -> Discovery:
    """Finished runs that options may build on: {autoencoder}, {oracle}, …"""
    return Discovery(tmp_path_factory.mktemp("discovery"))


@pytest.fixture
def slurm(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cluster]:
    """Slurm's commands on PATH, whose jobs are processes of this machine; none is left after it."""
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    for name, value in cluster.begin().items():
        monkeypatch.setenv(name, value)
    yield cluster
    cluster.end()


@pytest.fixture
def terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    """Call main.py with words; runs leave their files in `tmp_path`, and logging is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    monkeypatch.setenv("OUTPUT_DIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(main.__file__).parent))

    def call(*words: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["main.py", *words])
        capfd.readouterr()
        status = main.main(words)
        return Answer(status, *capfd.readouterr())

    yield call
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
