"""What baking gains: a baked net against the net with cached kernels.

    python -m benchmarks.baking [workload …] [--batch-size 16] [--repeats 10]

Both evaluate in turns in this process, the net inside `frozen_kernels`. What counts is the median
of the paired ratios of processor time, which neighbours on a busy machine disturb less than the
clock, with its 90 % interval. Set OMP_NUM_THREADS=1.
"""

import argparse
import sys
from time import perf_counter, process_time

import torch

from benchmarks.pairing import interleaved, ratio
from benchmarks.step import forward
from benchmarks.workloads import WORKLOADS
from partial_equiv.baking import bake
from partial_equiv.gconv import frozen_kernels


def main(words: list[str] | None = None) -> None:
    """Print a line for each workload as it is done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("workloads", nargs="*", choices=[*WORKLOADS, []], default=[])
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=10)
    given = parser.parse_args(words)
    clock = perf_counter if torch.cuda.is_available() else process_time
    for name in given.workloads or WORKLOADS:
        workload = WORKLOADS[name]
        net, images = workload.model().eval(), workload.images(given.batch_size)
        start = clock()
        baked = bake(net, workload.shape)
        took = clock() - start
        runs = {"net": forward(net, images), "baked": forward(baked, images)}
        with frozen_kernels(net):
            seconds = interleaved(runs, given.repeats, clock)
        line = f"{name:12}{ratio(seconds['baked'], seconds['net'])!s:>26}"
        sys.stdout.write(f"{line}   baked in {took:.1f} s\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
