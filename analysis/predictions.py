"""Predicted against true: every component of a target vector, and the samples it fails on most."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from analysis.appearance import BLUE, GREY, save

__all__ = ["draw_parity", "draw_worst_cells"]

COLUMNS, WORST = 3, 6


def draw_parity(
    targets: Tensor, answers: Tensor, names: Sequence[str], title: str, path: Path
) -> None:
    """Draw answers [N, T] over targets [N, T], a panel for each of the T components."""
    from matplotlib.figure import Figure

    rows = -(-len(names) // COLUMNS)
    figure = Figure(figsize=(3 * COLUMNS, 3 * rows + 0.4), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, squeeze=False).flatten()
    for i, (name, panel) in enumerate(zip(names, panels, strict=False)):
        true, said = targets[:, i].double(), answers[:, i].double()
        low = min(true.min(), said.min()).item()
        high = max(true.max(), said.max()).item()
        spread = (true - true.mean()).square().sum()
        r2 = 1 - (said - true).square().sum() / spread if spread > 0 else float("nan")
        panel.plot([low, high], [low, high], color=GREY, linewidth=0.8)
        panel.plot(true.numpy(), said.numpy(), ".", color=BLUE, markersize=3, alpha=0.5)
        panel.set_title(f"{name}: R² {r2:.3f}", fontsize="medium")
        panel.set_aspect("equal", adjustable="datalim")
        panel.locator_params(nbins=5)
        panel.grid(alpha=0.3)
    for panel in panels[len(names) :]:
        panel.remove()
    figure.suptitle(title)
    figure.supxlabel("true (in the unit of the moduli)")
    figure.supylabel("predicted")
    save(figure, path)


def draw_worst_cells(
    cells: Tensor, targets: Tensor, answers: Tensor, names: Sequence[str], title: str, path: Path
) -> None:
    """Draw the cells [N, 1, H, W] of largest relative error, with targets and answers [N, T]."""
    from matplotlib.figure import Figure

    errors = (answers - targets).norm(dim=1) / targets.norm(dim=1)
    worst = errors.argsort(descending=True)[:WORST].tolist()
    figure = Figure(figsize=(2.1 * WORST, 4.2), layout="constrained")
    for panel, i in zip(figure.subplots(1, WORST, squeeze=False)[0], worst, strict=False):
        panel.imshow(cells[i, 0].numpy(), cmap="gray_r", vmin=0, vmax=1)
        panel.set(xticks=[], yticks=[])
        panel.set_title(f"error {100 * errors[i]:.0f} %", fontsize="medium")
        lines = ["      true predicted"]
        for name, true, said in zip(names, targets[i].tolist(), answers[i].tolist(), strict=True):
            lines.append(f"{name} {round(true, 3) + 0.0:6.3f} {round(said, 3) + 0.0:9.3f}")
        panel.set_xlabel("\n".join(lines), family="monospace", fontsize="small")
    figure.suptitle(f"The test cells of largest relative error (black is stiff): {title}")
    save(figure, path)
