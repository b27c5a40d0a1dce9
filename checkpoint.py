"""Checkpoints: plain values and tensors, written atomically and loaded without running code."""

import os
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from partial_equiv.refusal import Refusal

__all__ = ["generator_states", "load", "save", "set_generator_states"]

FORMAT = "partial_equiv 1"


def save(path: Path, content: Mapping[str, Any]) -> None:
    """Write content (plain types and tensors only) so that `path` is at any time old or new.

    A process that is killed here, or a machine that loses power, leaves the previous file whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("wb") as file:
        torch.save({"format": FORMAT, **content}, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote, onto the CPU.

    No code from a file is ever executed.

    Raises:
        Refusal: in one line, if the file is missing, damaged or not a checkpoint of ours, or if it
            holds anything but plain types and tensors.
    """
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is no file")  # a pipe would be waited for, for ever
        with zipfile.ZipFile(path) as archive:  # what torch writes; checked, which torch does not
            if (part := archive.testzip()) is not None:
                raise zipfile.BadZipFile(f"{part} is damaged")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise Refusal(f"no checkpoint {path}") from None
    except pickle.UnpicklingError:
        raise Refusal(
            f"checkpoint {path} holds more than plain values and tensors: refused"
        ) from None
    except (EOFError, OSError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error).splitlines()[0]
        raise Refusal(f"checkpoint {path} cannot be read: {reason}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise Refusal(f"checkpoint {path} was not written by this program (format {FORMAT!r})")
    return content


def generator_states() -> dict[str, Any]:
    """Return the states of torch's default generators: the CPU's and those of all CUDA devices."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def set_generator_states(states: Mapping[str, Any]) -> None:
    """Restore what `generator_states` returned; states of devices not present are left out."""
    torch.set_rng_state(states["cpu"])
    if torch.cuda.is_available():
        for device, state in zip(range(torch.cuda.device_count()), states["cuda"], strict=False):
            torch.cuda.set_rng_state(state, device)
