"""Hold out samples with every class in its proportion: a seeded, stratified draw of indices."""

import torch
from torch import Tensor

from datasets.randomness import keyed_generator
from partial_equiv.refusal import Refusal

__all__ = ["counted", "hold_out", "selection"]


def counted(size: float, total: int) -> int:
    """Return how many samples a size means: a count (int), or a share (float) of the total."""
    return size if isinstance(size, int) else round(size * total)


def hold_out(labels: Tensor, size: int, *key: int | str) -> tuple[Tensor, Tensor]:
    """Split the indices of labels [N] into (kept [N - size], held [size]), both ascending.

    Every class gives its proportional share to within one sample. The draw depends on the key
    (a seed and a purpose) alone.

    Raises:
        Refusal: unless 0 < size < N.

    >>> kept, held = hold_out(torch.tensor([0, 0, 1, 1]), 2, 0, "test")
    >>> sorted((held // 2).tolist())
    [0, 1]
    """
    total = len(labels)
    if not 0 < size < total:
        raise Refusal(f"cannot hold out {size} of {total} samples: allowed are 1 to {total - 1}")
    shuffled = torch.randperm(total, generator=keyed_generator(*key))
    # Sorted by class, every step of total/size samples draws one: shares are proportional.
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    held = torch.zeros(total, dtype=torch.bool)
    held[by_class[torch.arange(size) * total // size]] = True
    return (~held).nonzero().flatten(), held.nonzero().flatten()


def selection(indices: Tensor, labels: Tensor, size: int | None, *key: int | str) -> Tensor:
    """Return `size` of the indices, classes in proportion; None leaves them all.

    Raises:
        Refusal: if there are not that many.
    """
    if size is None or size == len(indices):
        return indices
    return indices[hold_out(labels[indices], size, *key)[1]]
