"""What it would save to write the weights of a quarter of the elements, and to turn the others'.

    python -m benchmarks.turned_weights

On a whole grid of n rotations, 4 | n, the weights at h turned by 90° are those at h with pixels
turned and incoming elements moved on by n/4. Times are of making the weights of a layer, forward
and backward, as ratios to one product for each element, which is what the layers do.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.pairing import interleaved, ratio

LAYERS = {"32 -> 32, 8 elements": (32, 32, 8), "64 -> 64, 8 elements": (64, 64, 8)}
SIZE, FEATURES = 7, 33  # k, K + 1


class Gathered(torch.autograd.Function):
    """Weights [n/4, M, N] at all n elements, by four permutations [4, N] of the N that are read."""

    @staticmethod
    def forward(ctx: Any, quarter: Tensor, permutations: Tensor) -> Tensor:  # noqa: ANN401
        ctx.inverse = permutations.argsort(1)
        return torch.cat([quarter.index_select(2, each) for each in permutations])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        parts = zip(gradient.chunk(4), ctx.inverse, strict=True)
        return torch.stack([part.index_select(2, each) for part, each in parts]).sum(0), None


class Turned(torch.autograd.Function):
    """The same by flips and transpositions of the pixels."""

    @staticmethod
    def forward(ctx: Any, quarter: Tensor) -> Tensor:  # noqa: ANN401
        windows = quarter.unflatten(2, (4, -1, SIZE, SIZE))
        whole = quarter.new_empty(4, *windows.shape)
        for turns in range(4):
            turned = torch.rot90(windows, turns, (-2, -1))
            whole[turns, :, :, turns:] = turned[:, :, : 4 - turns]
            whole[turns, :, :, :turns] = turned[:, :, 4 - turns :]
        return whole.flatten(3).flatten(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        windows = gradient.unflatten(0, (4, -1)).unflatten(3, (4, -1, SIZE, SIZE))
        total = windows[0].clone()
        for turns in range(1, 4):
            back = torch.rot90(windows[turns], -turns, (-2, -1))
            total[:, :, : 4 - turns] += back[:, :, turns:]
            total[:, :, 4 - turns :] += back[:, :, :turns]
        return total.flatten(2)


def main(words: list[str] | None = None) -> None:
    """Print a line for each layer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=10)
    given = parser.parse_args(words)
    torch.manual_seed(0)
    for name, (in_channels, out_channels, elements) in LAYERS.items():
        read = elements * SIZE**2
        readout = torch.randn(in_channels * out_channels, FEATURES, requires_grad=True)
        points = torch.randn(elements, FEATURES, read, requires_grad=True)
        few = torch.randn(elements // 4, FEATURES, read, requires_grad=True)
        gradient = torch.randn(elements, len(readout), read)
        order = torch.arange(read).unflatten(0, (4, -1, SIZE, SIZE))
        moved = [order.roll(turns, 0).rot90(turns, (-2, -1)) for turns in range(4)]
        permutations = torch.stack([each.flatten() for each in moved])

        def whole(readout: Tensor = readout, points: Tensor = points) -> Tensor:
            return readout.expand(len(points), -1, -1) @ points

        quarter = partial(whole, points=few)

        def gathered(
            quarter: Callable[[], Tensor] = quarter, permutations: Tensor = permutations
        ) -> Tensor:
            return Gathered.apply(quarter(), permutations)

        def turned(quarter: Callable[[], Tensor] = quarter) -> Tensor:
            return Turned.apply(quarter())

        def step(
            make: Callable[[], Tensor],
            gradient: Tensor = gradient,
            learned: tuple[Tensor, ...] = (readout, points, few),
        ) -> Callable[[], object]:
            def run() -> None:
                for each in learned:
                    each.grad = None
                make().backward(gradient)

            return run

        assert torch.equal(gathered(), turned()), "the two ways differ"
        runs = {"whole": step(whole), "gathered": step(gathered), "turned": step(turned)}
        seconds = interleaved(runs, given.repeats)
        ratios = [f"{way} {ratio(seconds[way], seconds['whole'])}" for way in list(runs)[1:]]
        sys.stdout.write(f"{name}: {', '.join(ratios)}\n")


if __name__ == "__main__":
    main()
