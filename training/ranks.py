"""Ranks: the further processes of data-parallel training on one machine.

Rank 0 stays in the calling process, with the tracker and the terminal; ranks 1, 2, … are spawned,
get their work as a pickle, and end when it is done. The caller's script is not run again.
"""

import multiprocessing
import os
import pickle
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import torch

from partial_equiv.refusal import Refusal

__all__ = ["other_ranks"]


@contextmanager
def other_ranks(num_ranks: int, work: Callable[[], object]) -> Iterator[None]:
    """Do `work` as ranks 1 to num_ranks - 1 while the body, in this process, is rank 0.

    Sets the variables from which torch.distributed learns who is who, and restores them. The cores
    are shared out. `work` must be picklable.

    Raises:
        Refusal: if `work` cannot be pickled.
        Exception: what another rank raised, if one fails.
    """
    try:
        parcel = pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise Refusal(f"needs picklable parts: {error}", devices=num_ranks) from None
    threads = torch.get_num_threads()
    share = max(1, threads // num_ranks)
    before = dict(os.environ)
    os.environ |= {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "WORLD_SIZE": str(num_ranks),
        "NODE_RANK": "0",
        "LOCAL_RANK": "0",
    }
    context = multiprocessing.get_context("spawn")
    others = []
    try:
        for rank in range(1, num_ranks):
            ours, theirs = context.Pipe()
            process = context.Process(target=_be_rank, args=(rank, theirs, share), daemon=True)
            process.start()
            theirs.close()
            others.append((process, ours))
        for _, pipe in others:
            pipe.send_bytes(parcel)
        for _, pipe in others:
            if (failure := _receive(pipe)) is not None:
                raise failure
        torch.set_num_threads(share)
        try:
            yield
        except RuntimeError as error:  # perhaps only the echo of another rank's failure
            failures = [_receive(pipe) for _, pipe in others if pipe.poll(1)]
            raise next((failure for failure in failures if failure is not None), error) from None
        for process, _ in others:
            process.join(timeout=60)
    finally:
        for process, pipe in others:
            process.kill()
            process.join()
            pipe.close()
        torch.set_num_threads(threads)
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _receive(pipe: Connection) -> Exception | None:
    try:
        return pipe.recv()
    except (EOFError, OSError):
        return RuntimeError("another rank died (out of memory?)")


def _be_rank(rank: int, pipe: Connection, threads: int) -> None:
    """Run in a new process: report None when the work has arrived, later any failure."""
    for number in (signal.SIGINT, signal.SIGTERM):  # rank 0 decides when to stop
        signal.signal(number, signal.SIG_IGN)
    os.environ["LOCAL_RANK"] = str(rank)
    torch.set_num_threads(threads)
    try:
        work = pickle.loads(pipe.recv_bytes())  # from our own parent
        pipe.send(None)
        work()
    except (EOFError, KeyboardInterrupt):  # rank 0 is gone, or was asked to stop
        return
    except Exception as error:  # whatever it is, rank 0 must hear of it
        kinds = (kind for kind in (Refusal, ValueError) if isinstance(error, kind))
        kind = next(kinds, RuntimeError)
        pipe.send(kind(f"{error} (rank {rank})"))
