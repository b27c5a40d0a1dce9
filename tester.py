"""Evaluation: the mean loss and metrics of a model over batches."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from partial_equiv.gconv import frozen_kernels
from partial_equiv.refusal import Refusal
from tasks import Figures, Task

__all__ = ["add_batch", "evaluate", "means", "totals"]


def evaluate(
    model: nn.Module, batches: Iterable[tuple[Tensor, ...]], task: Task
) -> dict[str, float]:
    """Return "loss" and the task's metrics as means over all samples, and its further figures.

    The model is evaluated where it lies, in eval mode and without gradients; every kernel is
    generated once. Its training flag is restored.

    Raises:
        Refusal: if there are no samples.
    """
    figures = task.figures()
    summary = task.summary(means(totals(model, batches, task, figures)))
    return {**summary, **figures.values()}


def totals(
    model: nn.Module, batches: Iterable[tuple[Tensor, ...]], task: Task, figures: Figures
) -> dict[str, Tensor]:
    """Return the sums over all samples behind `evaluate`, with their number as "samples".

    Sums of several processes may be added up before `means` divides them. The figures gather what
    they need.
    """
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    sums: dict[str, Tensor] = {}
    training = model.training
    model.eval()
    try:
        with torch.inference_mode(), frozen_kernels(model):
            for batch in batches:
                batch = tuple(part.to(device) for part in batch)
                loss, metrics = task.evaluate(model, batch, figures)
                add_batch(sums, len(batch[0]), loss, metrics)
    finally:
        model.train(training)
    return sums


def add_batch(
    sums: dict[str, Tensor], num_samples: float, loss: Tensor, metrics: dict[str, Tensor]
) -> None:
    """Add the means of one batch to `sums`, in place: float64 scalars on the loss's device.

    Samples that n processes add each count 1/n.
    """
    values = {"samples": torch.ones_like(loss), "loss": loss, **metrics}
    for name, mean in values.items():
        sums[name] = sums.get(name, 0) + num_samples * mean.detach().double()


def means(sums: dict[str, Tensor]) -> dict[str, float]:
    """Divide sums by their number of samples.

    Raises:
        Refusal: if there are none.
    """
    if not sums:
        raise Refusal("nothing to evaluate: the split has no samples")
    samples = sums["samples"].item()
    return {name: total.item() / samples for name, total in sums.items() if name != "samples"}
