"""What is about to happen, said before anything heavy is loaded: torch alone takes seconds.

Hydra logs only once it runs a job; these lines come before, and go where its logs will.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from omegaconf import DictConfig

from command_line.naming import name_of

__all__ = ["announce_run", "announce_runs", "say"]


def say(text: str) -> None:
    """Write a line for the user, at once; if nobody reads it any more, the run goes on."""
    known = sys.stdout.encoding or "utf-8"
    with suppress(OSError):
        sys.stdout.write(f"{text.encode(known, 'replace').decode(known)}\n")
        sys.stdout.flush()


def announce_run(config: DictConfig, words: Sequence[str], folder: Path) -> None:
    """Name net, group, data, changes, seed, device and folder of a run.

    Args:
        config: composed with Hydra's settings.
        words: of the command line.
        folder: of the run.
    """
    name = name_of(config.hydra.runtime.choices, words, config.get("seed", 0))
    dry = "dry run: " if config.get("debug") is True else ""
    device = (config.get("train") or {}).get("device", "auto")
    say(f"{dry}{name}, device {device}, in {os.path.relpath(folder)}")


def announce_runs(number: int, folder: Path) -> None:
    """Say how many runs there are, and where."""
    say(f"{number} runs in {os.path.relpath(folder)}")
