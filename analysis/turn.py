"""The figure of what a net believes while its input turns through 360 degrees.

A net that is equivariant to all rotations, read out invariantly, cannot notice the turn: its curves
are flat. Where an angle carries meaning (a 6 is no 9), a partially equivariant net changes its
mind.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from analysis.appearance import BLUE, COLUMN, PAGE, VERMILLION, chance_line, drawing, legend
from analysis.turntable import turned
from datasets.spec import DataSpec
from partial_equiv.gconv import frozen_kernels

__all__ = ["draw_turn", "probabilities_over_turn", "swing"]


@torch.inference_mode()
def probabilities_over_turn(
    model: nn.Module, images: Tensor, spec: DataSpec, num_angles: int, *, mirrored: bool = False
) -> Tensor:
    """Class probabilities [N, num_angles, K] of images [N, C, H, W] at equal steps of a full turn.

    The images are normalised and lie where the model does, which is in evaluation mode.
    """
    with frozen_kernels(model):
        scores = [
            model(turned(images, spec, 360 * step / num_angles, mirrored=mirrored))
            for step in range(num_angles)
        ]
    return torch.stack(scores, dim=1).softmax(-1)


def swing(probabilities: Tensor, classes: Tensor) -> float:
    """How far the probability of an image's own class moves over the turn: highest less lowest.

    The mean over the images: 0 if the net does not notice the turn, 1 if it changes its mind for
    sure. Probabilities [N, A, K], classes [N].
    """
    own = _of_class(probabilities, classes)  # [N, A]
    return (own.amax(1) - own.amin(1)).mean().item()


def draw_turn(
    probabilities: Tensor,
    classes: Tensor,
    names: Sequence[str],
    path: Path,
    *,
    mirrored: Tensor | None = None,
) -> None:
    """Draw, for the images of each class, the mean probability of that class and of its rival.

    The rival is the class that comes closest, or highest, at some angle.

    Args:
        probabilities: of the classes, [N, A, K].
        classes: of the images, [N]; each one gets a panel.
        names: of the K classes.
        path: the PNG to write.
        mirrored: the same for the images mirrored left-right; it is drawn instead of the rival.
    """
    shown = sorted(set(classes.tolist()))
    columns = min(len(shown), 5)
    rows = -(-len(shown) // columns)
    num_angles = probabilities.shape[1]
    degrees = [360 * step / num_angles for step in range(num_angles + 1)]
    title = "What the net believes while its input turns counter-clockwise"
    size = COLUMN if columns == 1 else PAGE
    with drawing(path, title, width=size, height=1.1 + 1.75 * rows) as figure:
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        panels = grid.flat
        for panel, own in zip(panels, shown, strict=False):
            part = probabilities[classes == own].cpu()
            heading = f"images of “{names[own]}”"
            curves = [(part[..., own], BLUE, "-", "probability of their own class")]
            if mirrored is not None:
                values = mirrored[classes == own][..., own].cpu()
                curves.append((values, VERMILLION, "--", "the same, input mirrored"))
            else:
                peaks = part.mean(0).amax(0)
                peaks[own] = -1
                rival = int(peaks.argmax())
                heading += f"\n(rival: “{names[rival]}”)"
                curves.append((part[..., rival], VERMILLION, "--", "probability of the rival"))
            for values, colour, line, label in curves:
                closed = torch.cat([values, values[:, :1]], dim=1)  # [N, A + 1]
                low, high = torch.quantile(closed, torch.tensor([0.1, 0.9]), dim=0).tolist()
                panel.fill_between(degrees, low, high, color=colour, alpha=0.18, linewidth=0)
                panel.plot(degrees, closed.mean(0).tolist(), line, color=colour, label=label)
            chance_line(panel, 1 / len(names), percent=False)
            panel.set_title(heading)
            panel.grid()
            panel.set(xlim=(0, 360), ylim=(-0.03, 1.03), xticks=range(0, 361, 90))
            panel.tick_params(axis="x", rotation=45 if columns > 3 else 0)
        for panel in list(panels)[len(shown) :]:
            panel.set_visible(False)
        grid[-1, 0].set_xlabel("turned by (°)")
        for row in grid:
            row[0].set_ylabel("probability")
        legend(figure, title="mean over the images; bands: 80 % of them")


def _of_class(probabilities: Tensor, classes: Tensor) -> Tensor:
    """The probabilities [N, A] of one class [N] each."""
    index = classes[:, None, None].expand(-1, probabilities.shape[1], 1)
    return probabilities.gather(2, index)[..., 0]
