"""Norm statistics: re-estimate running means and variances before a model is judged.

During training the running statistics of a batch norm lag behind the weights, and they are taken
with random samples, while evaluation uses deterministic ones. Averages over fresh batches, computed
by the model as it will be evaluated, remove both differences.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from datasets.batching import share
from datasets.randomness import keyed_generator
from datasets.spec import Split
from partial_equiv.gconv import frozen_kernels
from partial_equiv.gconv.ranks import joint_batch

__all__ = ["mixed_batches", "reestimate"]


def reestimate(model: nn.Module, batches: Iterable[tuple[Tensor, int]]) -> None:
    """Replace all running statistics by their averages over batches of images [B, C, H, W], each
    with the number of images that it has on all ranks.

    Everything but the norms that keep running statistics is in eval mode; all modes are restored.
    A norm is known by `running_mean` and `reset_running_stats`, as in torch.nn.BatchNorm2d.
    """
    norms: list[Any] = [
        module
        for module in model.modules()
        if getattr(module, "running_mean", None) is not None
        and hasattr(module, "reset_running_stats")
    ]
    if not norms:
        return
    modes = {module: module.training for module in model.modules()}
    momenta = {norm: norm.momentum for norm in norms}
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average
    try:
        with torch.no_grad(), frozen_kernels(model):
            for norm in norms:
                norm.train()
            for images, num_images in batches:
                with joint_batch(num_images):
                    model(images)
    finally:
        for norm, momentum in momenta.items():
            norm.momentum = momentum
        for module, training in modes.items():
            module.training = training


def mixed_batches(
    split: Split,
    batch_size: int,
    *,
    limit: int,
    seed: int,
    device: torch.device | str,
    rank: int = 0,
    num_ranks: int = 1,
    workers: int = 0,
) -> Iterator[tuple[Tensor, int]]:
    """Yield images of up to `limit` batches from all over a split, unaugmented and well mixed.

    The split's own order may be by class, and batches of one class would give wrong variances. Of
    several ranks each reads its share of every batch, and yields it with the number of images of
    them all; a `Norm` puts their statistics together.
    """
    total = -(-len(split) // batch_size)
    chosen = torch.linspace(0, total - 1, min(limit, total)).round().long().unique().tolist()
    blocks = torch.arange(len(split)).split(batch_size)
    samples = torch.cat([blocks[k] for k in chosen])
    order = torch.randperm(len(samples), generator=keyed_generator(seed, "norm statistics"))
    chunks = samples[order].tensor_split(len(chosen))  # equal sizes, since batches count alike
    own = [share(chunk, rank, num_ranks) for chunk in chunks]
    parts = split.batches(batch_size, samples=torch.cat(own), device=device, workers=workers)
    images = torch.cat([part for part, _ in parts])
    yield from zip(images.split([*map(len, own)]), map(len, chunks), strict=True)
