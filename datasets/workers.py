"""Worker processes: a function's results for many items, in order, made while the caller works.

They are those of torch's DataLoader, started by a server that forks (`forkserver`): it has neither
a device nor threads, and torch is imported, so that workers start at once after the first ones.
They leave signals to the process that they work for, and end with it, however it ends.
"""

import atexit
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.context import ForkServerContext
from typing import Generic, TypeVar, cast

import torch
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from partial_equiv.refusal import Refusal

__all__ = ["mapped"]

Item = TypeVar("Item")
Result = TypeVar("Result")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
PRELOADED = ["torch", "datasets.pictures"]  # what most workers need


def mapped(
    function: Callable[[Item], Result], items: Iterable[Item], num_workers: int
) -> Iterator[Result]:
    """Yield function(item) of each item, in order.

    With `num_workers` processes, two items of each are on their way; `function` is then pickled,
    tensors in it are shared and not copied. With none, an item is worked on when it is asked for.

    Raises:
        Refusal: that the function raises; or if a process dies.
    """
    if not num_workers:
        yield from map(function, items)
        return
    with warnings.catch_warnings():  # of more workers than cores: the caller has chosen
        warnings.simplefilter("ignore")
        loader = DataLoader(
            _Results(function),
            batch_size=None,
            sampler=cast(Iterable[int], items),
            num_workers=num_workers,
            multiprocessing_context=_context(),
            worker_init_fn=_begin,
            generator=torch.Generator(),  # it draws a number that nobody needs, not from ours
        )
    with _signals_held():
        results = cast(_MultiProcessingDataLoaderIter, iter(loader))
    # The interpreter, at its end, would wait for processes that nobody has told to end.
    atexit.register(close := results._shutdown_workers)
    try:
        for result in results:
            if isinstance(result, Refusal):
                raise result
            yield result
    except (RuntimeError, EOFError, OSError) as error:
        if str(error).startswith("Caught "):  # by a worker, of the function: here is its traceback
            raise
        reason = "a process that reads has died (out of memory, or of /dev/shm?)"
        raise Refusal(reason, workers=num_workers) from None
    finally:  # also when the consumer has had enough
        close()
        atexit.unregister(close)


class _Results(Dataset[Result | Refusal], Generic[Item, Result]):
    """What a worker is asked for; a refusal is handed over as it is, with no traceback around."""

    def __init__(self, function: Callable[[Item], Result]) -> None:
        self.function = function

    def __getitem__(self, item: Item) -> Result | Refusal:
        try:
            return self.function(item)
        except Refusal as error:
            return error


def _begin(worker: int) -> None:
    """In a worker: hear no signals, and end with the process that it works for, even if killed.

    (The DataLoader's own look is at the parent, here the server, which its workers keep alive.)
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # the server may be an older one

    def watch() -> None:
        caller = parent_process()
        assert caller is not None, "a worker was started"
        caller.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _context() -> ForkServerContext:
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


@contextmanager
def _signals_held() -> Iterator[None]:
    """Start processes that never hear of signals: of these, a terminal sends one to all, and so do
    clusters. (The mask is inherited; here they are heard again at the end.)"""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        resource_tracker.ensure_running()  # it would open the mask
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
