"""What pictures in files cost: how many are read in a second, and how long a training waits.

    python -m benchmarks.reading [--folder PICTURES] [--workers 0 1 2] [--net WORD …] [--repeats 5]

Without a folder, JPEG pictures of 500 x 375 pixels, as ImageNet's are, are made for the time of the
benchmark. All numbers of workers run in turns. The rate is that behind the first batch; the time to
the first batch is told beside it: it includes the start of the processes, once they were started
before. The share is what of a training step, reading included, is spent waiting for its batch.
"""

import argparse
import sys
import tempfile
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
from PIL import Image
from torch import nn

from benchmarks.pairing import ratio, synchronize
from benchmarks.step import training_step
from constructors import compose, construct_model
from datasets.files import FileSplit
from datasets.pictures import Pictures, is_picture
from datasets.spec import DataSpec

WIDTH, HEIGHT, NUM = 500, 375, 384
NET = (
    "net=resnet18",
    "kernel=grid",
    "conv.partial=False",
    "base_group=p4",
    "net.hidden_channels=8",
)


def write_pictures(folder: Path) -> None:
    """Write smooth pictures of ImageNet's usual size, all different."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    for number in range(NUM):
        waves = [
            np.sin(across / (5 + number % 7) + channel) + np.cos(down / (9 + number % 5) + number)
            for channel in range(3)
        ]
        pixels = (127 + 60 * np.stack(waves, -1)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg", quality=90)


def split_of(folder: Path, size: int, num: int) -> FileSplit:
    """The first pictures of a folder, at any depth, which stay in their files."""
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if is_picture(path)
    )[:num]
    spec = DataSpec(3, 10, (size, size), mean=(0.45,) * 3, std=(0.22,) * 3)
    indices = torch.arange(len(names))
    return FileSplit(Pictures(folder, names, size), indices, indices % 10, spec)


def rate(split: FileSplit, batch_size: int, workers: int) -> tuple[float, float]:
    """Seconds to the first batch, and pictures a second from there on."""
    start = perf_counter()
    batches = split.batches(batch_size, seed=0, workers=workers)
    next(batches)
    first = perf_counter()
    num = sum(len(targets) for _, targets in batches)
    return first - start, num / (perf_counter() - first)


def waiting(
    split: FileSplit, model: nn.Module, batch_size: int, workers: int, steps: int
) -> tuple[float, float]:
    """Seconds that some steps wait for their batches, and seconds that they take themselves."""
    device = next(model.parameters()).device
    waited = taken = 0.0
    batches = split.batches(batch_size, seed=0, workers=workers, device=device)
    next(batches)  # the start is no step
    before = perf_counter()
    for images, _ in islice(batches, steps):
        there = perf_counter()
        training_step(model, images)()
        synchronize()
        waited, taken = waited + there - before, taken + perf_counter() - there
        before = perf_counter()
    return waited, taken


def measure(folder: Path, given: argparse.Namespace) -> None:
    """Print the two tables."""
    split = split_of(folder, given.size, given.pictures)
    numbers: list[int] = given.workers
    rate(split, given.batch_size, max(numbers))  # the server starts, the files come into memory
    rounds = [{w: rate(split, given.batch_size, w) for w in numbers} for _ in range(given.repeats)]
    rates = {w: [each[w][1] for each in rounds] for w in numbers}
    sys.stdout.write(f"{len(split)} pictures of {folder}, read as {given.size} x {given.size}\n")
    for w in numbers:
        times = ratio(rates[w], rates[numbers[0]])
        first = median(each[w][0] for each in rounds)
        sys.stdout.write(
            f"{w} workers: {median(rates[w]):6.0f} pictures a second, {times} times those of "
            f"{numbers[0]}; the first batch after {first:.2f} s\n"
        )
    if not given.steps:
        return
    device = "cuda" if torch.cuda.is_available() else "cpu"
    words = (*given.net, "dataset=cifar10", f"dataset.size={given.size}")
    model = construct_model(compose(words)).to(device)
    for w in numbers:
        waited, taken = waiting(split, model, given.step_batch_size, w, given.steps)
        sys.stdout.write(
            f"{w} workers: {waited / (waited + taken):.4f} of a step is waiting; a step of "
            f"{given.step_batch_size} takes {(waited + taken) / given.steps:.3f} s\n"
        )


def main(words: list[str] | None = None) -> None:
    """Measure, in a folder that is given or made."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, help="of pictures, at any depth")
    parser.add_argument("--size", type=int, default=224, help="that they are resized to")
    parser.add_argument("--pictures", type=int, default=NUM, help="of the folder, at most")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--net", nargs="+", default=NET, help="that is trained, as main.py's words")
    parser.add_argument("--steps", type=int, default=6, help="of a training, for each number; or 0")
    parser.add_argument("--step-batch-size", type=int, default=16)
    given = parser.parse_args(words)
    if given.folder is not None:
        measure(given.folder, given)
        return
    with tempfile.TemporaryDirectory() as made:
        write_pictures(Path(made))
        measure(Path(made), given)


if __name__ == "__main__":
    main()
