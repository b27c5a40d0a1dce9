"""How this process keeps memory: on Linux, glibc is told not to give it back between two steps."""

import ctypes

__all__ = ["keep_freed_memory"]

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # malloc.h
NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Keep freed blocks, of any size, for the next allocation.

    A training step allocates the same large tensors again and again. By default glibc maps each
    anew, and the kernel fills its pages with zeros one by one: a tenth of a step on a CPU. Does
    nothing where the C library is another.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in ((M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, NEVER)):
            mallopt(option, value)
