"""How the cost of a training step grows, against the dense floor.

    python -m benchmarks.scaling [--repeats 5]

Each table changes one thing of a small partially equivariant residual net (16 channels, 8 samples,
5x5 kernels, 28 x 28 pixels, 16 images): samples, channels, kernel size or image size.
"""

import argparse
import sys
from collections.abc import Callable

from benchmarks.pairing import interleaved, ratio
from benchmarks.step import training_step
from benchmarks.workloads import Workload, dense_floor

BATCH_SIZE = 16
NET = ("net=ckresnet", "net.hidden_channels=16", "conv.kernel_size=5", "base_group.num_samples=8")
AXES: dict[str, tuple[tuple[int, ...], Callable[[int], Workload]]] = {
    "samples": ((4, 8, 16), lambda n: Workload((*NET, f"base_group.num_samples={n}"))),
    "channels": ((8, 16, 32), lambda n: Workload((*NET, f"net.hidden_channels={n}"))),
    "kernel size": ((3, 5, 7, 9), lambda n: Workload((*NET, f"conv.kernel_size={n}"))),
    "image size": ((16, 28, 40), lambda n: Workload(NET, (1, n, n))),
}


def main(words: list[str] | None = None) -> None:
    """Print a table for each axis."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args(words).repeats
    for axis, (values, make) in AXES.items():
        sys.stdout.write(f"{axis:>12}{'step':>12}{'to the floor':>26}{'separable':>26}\n")
        for value in values:
            workload = make(value)
            separable = Workload((*workload.words, "conv.rank=1"), workload.shape)
            images = workload.images(BATCH_SIZE)
            models = {
                "ours": workload.model(),
                "separable": separable.model(),
                "floor": dense_floor(workload, BATCH_SIZE),
            }
            steps = {name: training_step(model, images) for name, model in models.items()}
            seconds = interleaved(steps, repeats)
            columns = (ratio(seconds[name], seconds["floor"]) for name in ("ours", "separable"))
            cells = "".join(f"{column!s:>26}" for column in columns)
            took = sorted(seconds["ours"])[repeats // 2]
            sys.stdout.write(f"{value:>12}{took:>10.3f} s{cells}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
