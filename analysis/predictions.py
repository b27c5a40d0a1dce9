"""Predicted against true: every component of a target vector, and the samples it fails on most."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from analysis.appearance import BLUE, GREY, PAGE, drawing, legend

__all__ = ["draw_parity", "draw_worst_cells"]

COLUMNS, WORST = 3, 5
MEANING = {  # of the stiffness Q: mean stress (first index) under mean strain (second)
    "Q00": "stretch along x",
    "Q11": "stretch along y",
    "Q22": "shear",
    "Q01": "coupling of x and y",
    "Q12": "coupling of y and shear",
    "Q02": "coupling of x and shear",
}


def draw_parity(
    targets: Tensor, answers: Tensor, names: Sequence[str], title: str, path: Path
) -> None:
    """Draw answers [N, T] over targets [N, T], a panel for each of the T components."""
    rows = -(-len(names) // COLUMNS)
    size = {"width": PAGE, "height": 1.1 + 2.3 * rows}
    with drawing(path, f"Predicted over true stiffness of test cells: {title}", **size) as figure:
        panels = figure.subplots(rows, COLUMNS, squeeze=False).flatten()
        for i, (name, panel) in enumerate(zip(names, panels, strict=False)):
            true, said = targets[:, i].double(), answers[:, i].double()
            low = min(true.min(), said.min()).item()
            high = max(true.max(), said.max()).item()
            spread = (true - true.mean()).square().sum()
            r2 = 1 - (said - true).square().sum() / spread if spread > 0 else float("nan")
            ends = [low, high]
            panel.plot(ends, ends, color=GREY, linewidth=0.8, label="predicted = true")
            dots = {"color": BLUE, "markersize": 2.5, "alpha": 0.5, "rasterized": True}
            panel.plot(true.numpy(), said.numpy(), ".", label="a test cell", **dots)
            meaning = f" ({MEANING[name]})" if name in MEANING else ""
            panel.set_title(f"{name}{meaning}\nR² {r2:.3f}")
            panel.set_aspect("equal", adjustable="datalim")
            panel.locator_params(nbins=5)
            panel.grid()
        for panel in panels[len(names) :]:
            panel.remove()
        for panel in panels[::COLUMNS]:
            panel.set_ylabel("predicted")
        panels[COLUMNS * (rows - 1)].set_xlabel("true (in the unit of Young's moduli)")
        legend(figure, panels[: len(names)])


def draw_worst_cells(
    cells: Tensor, targets: Tensor, answers: Tensor, names: Sequence[str], title: str, path: Path
) -> None:
    """Draw the cells [N, 1, H, W] of largest relative error, with targets and answers [N, T]."""
    errors = (answers - targets).norm(dim=1) / targets.norm(dim=1)
    worst = errors.argsort(descending=True)[:WORST].tolist()
    heading = f"The test cells of largest relative error (black is stiff): {title}"
    with drawing(path, heading, width=PAGE, height=3.35) as figure:
        for panel, i in zip(figure.subplots(1, WORST, squeeze=False)[0], worst, strict=False):
            panel.imshow(cells[i, 0].numpy(), cmap="gray_r", vmin=0, vmax=1)
            panel.set(xticks=[], yticks=[])
            panel.set_title(f"error {100 * errors[i]:.0f} %")
            lines = ["      true  said"]
            both = zip(names, targets[i].tolist(), answers[i].tolist(), strict=True)
            for name, true, said in both:
                lines.append(f"{name} {round(true, 3) + 0.0:6.3f}{round(said, 3) + 0.0:7.3f}")
            panel.set_xlabel("\n".join(lines), family="monospace", fontsize=7)
        explained = [f"{name} {MEANING[name]}" for name in names if name in MEANING]
        figure.supxlabel("; ".join(explained[:3]) + "\n" + "; ".join(explained[3:]), fontsize=7)
