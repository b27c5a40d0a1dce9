"""Starting several processes on one machine, through torch's elastic launcher."""

import logging
import os
import pickle
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from interruption import GO_ON, MACHINES, Interrupted
from partial_equiv.refusal import Refusal
from together.team import AnotherFailed, team

__all__ = ["start"]

Result = TypeVar("Result")

QUIET = ("torch.distributed", "torch.multiprocessing", "torchelastic")
SIGNALS = (signal.SIGINT, *MACHINES, signal.SIGHUP, signal.SIGQUIT)


def start(size: int, work: Callable[..., Result], *arguments: object) -> Result:
    """Do the same work in several processes, which are a `Team`; return what the first came to.

    A signal that this process gets is passed on to them. They share the cores.

    Args:
        size: number of processes.
        work: a function of a module, as it travels by its name.
        arguments: of it; they are pickled.

    Raises:
        Interrupted: if they have stopped on a signal, with their state saved.
        Exception: what the first of them raised that failed.
    """
    import torch
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    for name in [each for each in logging.root.manager.loggerDict if each.startswith(QUIET)]:
        logging.getLogger(name).setLevel(logging.CRITICAL)  # we say ourselves what happened
    handlers = {number: signal.getsignal(number) for number in SIGNALS}  # the launcher has its own
    threads = max(1, torch.get_num_threads() // size)
    with tempfile.TemporaryDirectory() as place:
        failure = Path(place) / "failure"
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=size,
            run_id=uuid.uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="127.0.0.1",
            max_restarts=0,
            signals_to_handle=",".join(number.name for number in SIGNALS),
        )
        try:
            results = elastic_launch(config, _be_one)(threads, failure, work, arguments)
        except SignalException as stop:
            raise Interrupted("", stop.sigval) from None
        except ChildFailedError as error:
            statuses = {each.exitcode for each in error.failures.values()}
            if GO_ON in statuses:
                raise Interrupted("", signal.SIGTERM) from None
            if 128 + signal.SIGINT in statuses:
                raise Interrupted("", signal.SIGINT) from None
            raise _failure(failure, min(statuses)) from None
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    return results[0]


def _be_one(
    threads: int, failure: Path, work: Callable[..., Any], arguments: tuple[object, ...]
) -> Any:  # noqa: ANN401
    """One of the processes: do the work, or leave in a file why not."""
    import torch

    os.setsid()  # Ctrl-C on the terminal is for the one that started us, which passes it on
    torch.set_num_threads(threads)
    ours = team()
    assert ours is not None, "the launcher says that there are several"
    try:
        with ours.failing_together():
            return work(*arguments)
    except Interrupted as stop:
        sys.exit(stop.status)
    except AnotherFailed:  # that one says why
        sys.exit(1)
    except Exception as error:  # whatever it is, the user must hear of it
        _leave(failure, error)
        sys.exit(1)


def _leave(path: Path, error: Exception) -> None:
    try:
        parcel = pickle.dumps(error)
        pickle.loads(parcel)  # not every exception can be made again
    except Exception:
        parcel = pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    with suppress(FileExistsError), path.open("xb") as file:
        file.write(parcel)


def _failure(path: Path, status: int) -> Exception:
    """What the first process that failed has left, or that it died without a word."""
    try:
        error: Exception = pickle.loads(path.read_bytes())  # from our own process
    except (OSError, EOFError, pickle.UnpicklingError):
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        reason = f"one of the processes was ended {how} (killed, or out of memory?)"
        return AnotherFailed(f"{reason}; the same command goes on, in the same hydra.run.dir")
    return error if isinstance(error, Exception) else Refusal(str(error))
