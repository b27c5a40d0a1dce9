"""How far nets are from invariance under turns between the pixels.

    python -m benchmarks.equivariance                    the shipped net at initialisation
    python -m benchmarks.equivariance <run folder> …     trained nets

The error is the RMS change of the logits when smooth blobs are turned (exactly, by their formula),
relative to the RMS spread of the logits over the blobs (see `partial_equiv.equivariance_error`).
"""

import argparse
import sys
from collections.abc import Sequence
from math import radians
from statistics import median

import torch
from torch import nn

from constructors import compose, construct_model, load_run
from partial_equiv.equivariance import Action, equivariance_error
from partial_equiv.groups import SO2
from tests.blobs import blobs

DEGREES = (30, 45, 90)
SEEDS = range(5)


def errors(model: nn.Module, size: int) -> list[float]:
    """The error of a model on blobs of size² pixels, for each of DEGREES."""
    still, found = blobs(SO2(), torch.zeros(1), size=size), []
    for degrees in DEGREES:
        element = torch.tensor([radians(degrees)], dtype=torch.float64)
        moved = blobs(SO2(), element, size=size)
        turn = Action(SO2(), element)
        found.append(equivariance_error(model.double(), turn, still, moved=moved).relative)
    return found


def main(folders: Sequence[str]) -> None:
    """Print a line for each net, of run folders or untrained."""
    out = sys.stdout.write
    out(f"{'net':60}" + "".join(f"{degrees:>9}°" for degrees in DEGREES) + "\n")
    for pool in () if folders else ("blur", "mean", "max"):
        words = ["dataset=mnist", "conv.partial=False", f"net.pool={pool}"]
        rows = [errors(construct_model(compose([*words, f"seed={s}"])), 28) for s in SEEDS]
        values = [median(column) for column in zip(*rows, strict=True)]
        out(f"{'untrained, median of 5 seeds: ' + ' '.join(words):60}" + line(values))
    for folder in folders:
        loaded = load_run(folder)
        out(f"{folder[-58:]:60}" + line(errors(loaded.model, max(loaded.spec.size))))


def line(values: Sequence[float]) -> str:
    """Errors, in columns."""
    return "".join(f"{value:10.2g}" for value in values) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="*", metavar="run folder", help="none: untrained nets")
    main(parser.parse_args().folders)
