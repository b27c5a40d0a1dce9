"""Interruption: one signal asks, two end the process."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from training.interruption import Interruption

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert not interruption.requested
        signal.raise_signal(number)
        assert interruption.requested
    assert signal.getsignal(number) is before


def test_handlers_come_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RuntimeError, match="x"), Interruption():
        raise RuntimeError("x")
    assert signal.getsignal(signal.SIGINT) is before


def test_the_second_signal_ends_the_process() -> None:
    script = """
import importlib.util, signal
spec = importlib.util.spec_from_file_location("interruption", "training/interruption.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
with module.Interruption():
    signal.raise_signal(signal.SIGTERM)
    print("alive", flush=True)
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        print("still alive", flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.returncode) == ("alive\n", -signal.SIGTERM)


def test_another_thread_may_not_and_need_not() -> None:
    asked = []

    def work() -> None:
        with Interruption() as interruption:
            asked.append(interruption.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert asked == [False]
