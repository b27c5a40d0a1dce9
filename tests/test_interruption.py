"""Interruption: a signal asks, a second Ctrl-C ends the process."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from interruption import GO_ON, Interrupted, Interruption, ending_at_once

ROOT = Path(__file__).parents[1]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2]


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_asks_and_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert not interruption.requested
        signal.raise_signal(number)
        assert interruption.requested == number
        signal.raise_signal(signal.SIGTERM)  # of a scheduler that tells all processes of a job
        assert interruption.requested == number
    assert signal.getsignal(number) is before


def test_handlers_come_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RuntimeError, match="x"), Interruption():
        raise RuntimeError("x")
    assert signal.getsignal(signal.SIGINT) is before


def honour(number: signal.Signals) -> None:
    """Get a signal, save, and leave."""
    with Interruption() as interruption:
        signal.raise_signal(number)
        raise Interrupted("saved", interruption.requested)


def test_another_ones_handler_is_called_once_all_is_saved() -> None:
    """As submitit's, which has the job queued again."""
    calls: list[int] = []
    before = signal.signal(signal.SIGUSR2, lambda number, frame: calls.append(number))
    try:
        with Interruption():
            signal.raise_signal(signal.SIGUSR2)
        assert calls == []  # nobody stopped for it
        with pytest.raises(Interrupted):
            honour(signal.SIGUSR2)
        assert calls == [signal.SIGUSR2]
    finally:
        signal.signal(signal.SIGUSR2, before)


def at_once(number: signal.Signals) -> None:
    """Get a signal where nothing waits for it."""
    with ending_at_once():
        signal.raise_signal(number)


@pytest.mark.parametrize("number", SIGNALS[1:])
def test_what_does_not_wait_ends_at_once_and_says_go_on(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=f"stopped by {number.name}") as stop:
        at_once(number)
    assert (stop.value.number, stop.value.status, GO_ON) == (number, 75, 75)
    assert Interrupted("x", signal.SIGINT).status == 130
    assert signal.getsignal(number) is before


def in_process(code: str) -> subprocess.Popen[str]:
    """A Python process that runs this code."""
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def test_the_second_ctrl_c_ends_the_process() -> None:
    process = in_process("""
import signal
from interruption import Interruption
with Interruption():
    signal.raise_signal(signal.SIGINT)
    print("alive", flush=True)
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        print("still alive", flush=True)
""")
    out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == ("alive\n", -signal.SIGINT)


def test_a_worker_whose_parent_is_killed_is_asked_to_stop() -> None:
    """It would train on for nobody, on a core that the next start wants."""
    process = in_process("""
import multiprocessing, time
from interruption import Interruption

def work():
    with Interruption() as interruption:
        print(interruption.requested, flush=True)
        for _ in range(600):
            if interruption.requested:
                print("asked by", interruption.requested, flush=True)
                return
            time.sleep(0.05)

multiprocessing.get_context("fork").Process(target=work).start()
""")
    assert process.stdout is not None
    assert process.stdout.readline() == "0\n"
    process.kill()
    process.wait()
    assert process.stdout.readline() == f"asked by {int(signal.SIGTERM)}\n"
    process.stdout.close()


def test_another_thread_may_not_and_need_not() -> None:
    asked = []

    def work() -> None:
        with Interruption() as interruption:
            asked.append(interruption.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert asked == [0]
