"""Resources: shortages of them, and odd surroundings."""

import os
import random
import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.campaign.counts import Counts, Found
from benchmarks.campaign.shortages import full_disk, less_memory, limited, read_only
from benchmarks.campaign.surroundings import (
    closed_output,
    many_epochs,
    odd_path,
    surrounded,
    two,
)

__all__ = ["resources"]


def resources(count: int, seed: int, place: Path) -> Counts:
    """Try all shortages and surroundings, or `count` of them; nothing in them is random."""
    counts, attempts = Counts("resources"), list(_attempts().items())
    if count < len(attempts):
        attempts = random.Random(seed).sample(attempts, count)
    for name, attempt in attempts:
        folder = place / name.replace(" ", "_")
        folder.mkdir()
        counts.case(name, *attempt(folder))
    return counts


def _attempts() -> dict[str, Callable[[Path], Found]]:
    odd = {
        "a space": "a b",
        "accents": "ü é 漢字",
        "an equals sign": "a=b,c",
        "brackets": "[a]{b}",
        "quotes": 'it\'s "so"',
        "a dollar and a star": "$HOME *",
    }
    files = {
        f"{least} bytes a file": partial(limited, resource.RLIMIT_FSIZE, least)
        for least in (0, 100, 2000, 20_000, 100_000)
    }
    few = {
        f"{number} open files": partial(limited, resource.RLIMIT_NOFILE, number)
        for number in (8, 16, 24, 32)
    }
    memory = {f"{mib} MiB more memory": partial(less_memory, mib) for mib in (1, 20, 60, 200)}
    return {
        "a full disk": full_disk,
        **files,
        **few,
        **memory,
        "a read-only folder": read_only,
        "no home": partial(surrounded, {"HOME": None, "USER": None, "LOGNAME": None}),
        "a home that is not there": partial(surrounded, {"HOME": "/nowhere"}),
        "the locale C": partial(surrounded, {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"}),
        "an encoding of 7 bits": partial(surrounded, {"PYTHONIOENCODING": "ascii"}),
        "no variables": partial(surrounded, dict.fromkeys(os.environ)),
        **{f"a path with {what}": partial(odd_path, path) for what, path in odd.items()},
        "another working directory": partial(surrounded, {}),
        "a closed output": closed_output,
        "two processes in one folder": two,
        "many epochs": many_epochs,
    }
