"""The figure of what the layers of several nets answer to one image and to its mirror image.

If f is equivariant, its answer to the mirror image is its answer to the image, mirrored: mirrored
back, nothing is left between the two. The answer shown is the strongest one over the group.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn

from analysis.appearance import ANSWERS, PAGE, PICTURE, SIGNED, drawing
from analysis.feature_maps import visible
from analysis.names import plain
from analysis.responses import responses
from datasets.spec import DataSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

__all__ = ["draw_mirrored_maps"]

MOST_LAYERS = 4
COLUMNS = ("answer to\nthe image", "to its mirror\nimage", "that one\nmirrored back", "difference")


def draw_mirrored_maps(
    models: Mapping[str, nn.Module], image: Tensor, spec: DataSpec, path: Path
) -> None:
    """Draw an image [C, H, W], its mirror image, and the first layers' answers to both.

    Each layer shows the channel that varies most over the image. The models are in evaluation mode.
    """
    answers = {}
    for net, model in models.items():
        device = next(model.parameters()).device
        both = [responses(model, each[None].to(device)) for each in (image, image.flip(-1))]
        answers[net] = {
            name: [each[name].feature.group_max()[0].cpu() for each in both]
            for name in list(both[0])[:MOST_LAYERS]
        }
    rows = 1 + max(len(layers) for layers in answers.values())
    beside = min(len(models), 2)
    below = -(-len(models) // beside)
    title = (
        "Answers of the first layers to an image and to its mirror image\n"
        "(below the difference: its RMS, in % of the spread of the answer)"
    )
    size = {"width": PAGE / 2 * max(beside, 1.2), "height": 0.6 + below * (0.4 + 0.85 * rows)}
    with drawing(path, title, **size) as figure:
        parts: list[SubFigure] = list(figure.subfigures(below, beside, squeeze=False).flat)
        for part, (net, layers) in zip(parts, answers.items(), strict=False):
            part.suptitle(plain(net))
            panels = part.subplots(rows, len(COLUMNS), squeeze=False)
            for panel in panels.flat:
                panel.set(xticks=[], yticks=[])
                panel.set_visible(False)
            for panel, picture, name in zip(
                panels[0], (image, image.flip(-1)), ("image", "mirror image"), strict=False
            ):
                panel.imshow(visible(picture, spec).numpy(), cmap=PICTURE, vmin=0, vmax=1)
                panel.set_title(name)
                panel.set_visible(True)
            for row, (name, (still, moved)) in zip(panels[1:], layers.items(), strict=False):
                channel = int(still.flatten(1).var(1).argmax())
                _draw_layer(row, still[channel], moved[channel])
                row[0].set_ylabel(f"“{name}”\nchannel {channel}", fontsize=7)
            for panel, name in zip(panels[1], COLUMNS, strict=True):
                panel.set_title(name, fontsize=7)


def _draw_layer(panels: "Sequence[Axes]", still: Tensor, moved: Tensor) -> None:
    """Draw the answers [H, W] to the image and to its mirror image, and their difference."""
    back = moved.flip(-1)
    low, high = still.min().item(), still.max().item()
    for panel, picture in zip(panels, (still, moved, back), strict=False):
        panel.imshow(picture.numpy(), cmap=ANSWERS, vmin=low, vmax=high)
        panel.set_visible(True)
    most = max(abs(low), abs(high))
    panels[3].imshow((back - still).numpy(), cmap=SIGNED, vmin=-most, vmax=most)
    panels[3].set_visible(True)
    share = (back - still).square().mean().sqrt() / still.std(correction=0).clamp_min(1e-12)
    panels[3].set_xlabel(f"{100 * share:.0f} %")
