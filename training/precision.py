"""train.precision=auto: which precision pays on this machine.

What a convolution gains from bfloat16 depends on the processor: those with instructions for it take
.2 to .5 of float32's time, others three to five times as much. So one is timed.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import torch
from torch.nn import functional

__all__ = ["Precision", "chosen", "decide"]

Precision: TypeAlias = Literal["32-true", "bf16-mixed"]

PAYS = 0.75  # of float32's time: a step is not only convolutions
ROUNDS, ENOUGH = 6, 0.2  # at most, beside one to warm up; seconds after which no round begins
CHANNELS, SIZE, KERNEL_SIZE = 64, 14, 5  # of a layer of the bare run, between its pools
IMAGES = {"cpu": 16, "cuda": 256}  # a GPU must have enough to do

log = logging.getLogger(__name__)


def chosen(device: str) -> Precision:
    """The precision that pays on this machine's device, cpu or cuda; said in a line of the log."""
    if device == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        log.info("precision: 32-true, this GPU does not compute in bfloat16")
        return "32-true"
    precision, share = decide(*timed(device))
    log.info(
        "precision: %s, bfloat16 takes %.2f of float32's time for a convolution on this machine",
        precision,
        share,
    )
    return precision


def decide(float32: Sequence[float], bfloat16: Sequence[float]) -> tuple[Precision, float]:
    """The precision that pays, from seconds that each takes, and how much of float32's time
    bfloat16 takes. The fastest ones count: others may have waited for another process.

    >>> decide([0.02, 0.03], [0.05, 0.008])
    ('bf16-mixed', 0.4)
    """
    share = min(bfloat16) / min(float32)
    return ("bf16-mixed" if share <= PAYS else "32-true"), share


def timed(
    device: str, clock: Callable[[], float] = time.perf_counter
) -> tuple[list[float], list[float]]:
    """Seconds of a convolution, forward and backward, in float32 and in bfloat16, in turns."""
    generator = torch.Generator().manual_seed(0)
    shapes = (IMAGES[device], CHANNELS, SIZE, SIZE), (CHANNELS, CHANNELS, KERNEL_SIZE, KERNEL_SIZE)
    images, weight = (
        torch.randn(shape, generator=generator).to(device).requires_grad_() for shape in shapes
    )

    def seconds(half: bool) -> float:
        start = clock()
        with torch.enable_grad():
            with torch.autocast(device, torch.bfloat16, half):
                maps = functional.conv2d(images, weight, padding=KERNEL_SIZE // 2)
            torch.autograd.grad(maps, [images, weight], maps)
        if device == "cuda":
            torch.cuda.synchronize()
        return clock() - start

    pairs: list[tuple[float, float]] = []
    start = clock()
    while len(pairs) < 2 or (len(pairs) <= ROUNDS and clock() - start < ENOUGH):
        pairs.append((seconds(False), seconds(True)))
    float32, bfloat16 = zip(*pairs[1:], strict=True)
    return [*float32], [*bfloat16]
