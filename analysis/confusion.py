"""The figure of what a net takes for what: its confusion matrix on a split."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from analysis.appearance import COLUMN, PAGE, drawing
from partial_equiv.gconv import frozen_kernels

__all__ = ["confusion_matrix", "draw_confusion"]

LABELLED, WRITTEN = 40, 20  # more classes than this get no names, or no numbers in the cells


@torch.inference_mode()
def confusion_matrix(
    model: nn.Module, batches: Iterable[tuple[Tensor, ...]], num_classes: int
) -> Tensor:
    """Count the images of true class i (row) that an evaluating model puts in class j: [K, K].

    Batches hold images [B, C, H, W] and classes [B].
    """
    counts = torch.zeros(num_classes, num_classes, dtype=torch.long)
    device = next(model.parameters()).device
    with frozen_kernels(model):
        for images, classes in batches:
            found = model(images.to(device)).argmax(1).cpu()
            cells = num_classes * classes.cpu() + found
            counts += cells.bincount(minlength=num_classes**2).view(num_classes, num_classes)
    return counts


def draw_confusion(counts: Tensor, names: Sequence[str], path: Path) -> None:
    """Draw counts [K, K] as shares of each true class, with the counts in the cells."""
    num_classes = len(names)
    shares = counts / counts.sum(1, keepdim=True).clamp_min(1)
    side = COLUMN if num_classes <= 6 else min(0.9 + 0.42 * num_classes, PAGE)
    title = "Which class the net takes test images for"
    with drawing(path, title, width=side, height=0.9 * side) as figure:
        panel = figure.subplots()
        image = panel.imshow((100 * shares).numpy(), cmap="Blues", vmin=0, vmax=100)
        if num_classes <= LABELLED:
            long = max(map(len, names)) > 4
            panel.set_xticks(
                range(num_classes),
                names,
                rotation=40 if long else 0,
                ha="right" if long else "center",
            )
            panel.set_yticks(range(num_classes), names)
        if num_classes <= WRITTEN:
            for row in range(num_classes):
                for column in range(num_classes):
                    if count := int(counts[row, column]):
                        shade = "white" if shares[row, column] > 0.55 else "black"
                        panel.text(column, row, str(count), ha="center", va="center", color=shade)
        panel.set(xlabel="predicted class", ylabel="true class")
        correct, total = int(counts.diagonal().sum()), int(counts.sum())
        panel.set_title(f"Test split: {correct} of {total} right ({correct / max(total, 1):.1%})")
        figure.colorbar(image, label="share of the true class (%)", shrink=0.8)
