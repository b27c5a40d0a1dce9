"""Where a result comes from: the program's commit, the libraries, the machine."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

__all__ = ["provenance"]

LIBRARIES = ("torch", "torchvision", "numpy", "hydra-core", "lightning-fabric")
HERE = Path(__file__).parent


def provenance() -> dict[str, Any]:
    """What a run's figures depend on beside its config, in plain values.

    The same config and seed give the same figures bit for bit only where all of it is the same:
    other processors, libraries and numbers of threads add up in another order.
    """
    cuda = torch.cuda.is_available()
    return {
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
        "processor": torch.cuda.get_device_name() if cuda else _processor(),
        "threads": torch.get_num_threads(),
    }


def _git(*words: str) -> str | None:
    """What git says of the program's checkout; None without git, or outside of a checkout."""
    try:
        said = subprocess.run(
            ["git", "-C", str(HERE), *words], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said.stdout.strip() if said.returncode == 0 else None


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
