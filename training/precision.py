"""train.precision=auto: which precision pays on this machine.

What a convolution gains from bfloat16 depends on the processor: those with instructions for it take
.2 to .5 of float32's time, others three to five times as much. One that filters each channel alone
gains little, or loses. So one of the net's kind is timed.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from partial_equiv.ck import SeparableKernel
from partial_equiv.gconv.evaluation import convolve
from partial_equiv.gconv.windows import Windows

__all__ = ["Precision", "chosen", "decide"]

Precision: TypeAlias = Literal["32-true", "bf16-mixed"]

PAYS = 0.7  # of float32's time: a step is not only convolutions
FEWEST, MOST, ENOUGH = 2, 6, 0.2  # rounds beside one to warm up; seconds after which 2 are enough
CHANNELS, ELEMENTS, SIZE, KERNEL_SIZE = 8, 8, 14, 5  # about those of a layer of the bare run
IMAGES = {"cpu": 16, "cuda": 256}  # a GPU must have enough to do

log = logging.getLogger(__name__)


def chosen(model: nn.Module, device: str) -> Precision:
    """The precision that pays for a net on this machine's device, cpu or cuda; a line of the log
    says so."""
    if device == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        log.info("precision: 32-true, this GPU does not compute in bfloat16")
        return "32-true"
    separable = any(isinstance(each, SeparableKernel) for each in model.modules())
    precision, share = decide(*timed(device, separable))
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
    device: str, separable: bool = False, clock: Callable[[], float] = time.perf_counter
) -> tuple[list[float], list[float]]:
    """Seconds of a convolution, forward and backward, in float32 and in bfloat16, in turns."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(device)

    size, layer = (KERNEL_SIZE, KERNEL_SIZE), (1, CHANNELS, ELEMENTS)
    kernels = [draw(*layer, CHANNELS, ELEMENTS, *size)]
    if separable:
        kernels = [draw(*layer, CHANNELS, ELEMENTS, 1, 1), draw(*layer, 1, 1, *size)]
    images = draw(IMAGES[device], CHANNELS, ELEMENTS, SIZE, SIZE)
    learned = [each.requires_grad_() for each in (images, *kernels)]

    def seconds(half: bool) -> float:
        start = clock()
        with torch.enable_grad():
            with torch.autocast(device, torch.bfloat16, half):
                maps = images
                for kernel in kernels:  # with C_out outside
                    window = Windows(kernel.shape[-1], padding=kernel.shape[-1] // 2)
                    maps = convolve(maps, kernel.transpose(1, 2), None, window, "zeros")
            torch.autograd.grad(maps, learned, maps)
        if device == "cuda":
            torch.cuda.synchronize()
        return clock() - start

    pairs: list[tuple[float, float]] = []
    start = clock()
    while len(pairs) <= FEWEST or (len(pairs) <= MOST and clock() - start < ENOUGH):
        pairs.append((seconds(False), seconds(True)))
    float32, bfloat16 = zip(*pairs[1:], strict=True)
    return [*float32], [*bfloat16]
