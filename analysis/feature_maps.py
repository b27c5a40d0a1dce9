"""The figure of what a layer answers to one image at several angles.

If f is equivariant, its answer to a turned image is its answer to the image, turned: turned back,
all columns look alike. The answer shown is the strongest one over the group at each pixel.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from analysis.appearance import ANSWERS, PAGE, PICTURE, drawing
from analysis.responses import responses
from analysis.turntable import inside_disc, turn_back, turned
from datasets.spec import DataSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_feature_maps", "visible"]

DEGREES = (0, 30, 60, 90, 120, 150, 180)
LEAST_PIXELS = 8  # a side; smaller maps are too coarse to turn
INNER = 0.8  # of the radius; further out, the padding at the border is felt


def draw_feature_maps(model: nn.Module, image: Tensor, spec: DataSpec, path: Path) -> None:
    """Draw an image [C, H, W] at several angles, and its first and a deep layer's answers.

    Each layer shows the channel that varies most over the image; under a map that is turned back
    stands its RMS distance from the first column, in per cent of that column's spread. The model is
    in evaluation mode.
    """
    inputs = [turned(image[None], spec, degrees) for degrees in DEGREES]
    answers = [responses(model, each) for each in inputs]
    names = [
        name
        for name, response in answers[0].items()
        if min(response.feature.x.shape[-2:]) >= LEAST_PIXELS
    ]
    layers = list(dict.fromkeys([*names[:1], *names[-1:]]))
    num_rows = 1 + 2 * len(layers)
    title = "Answers to a turned input: turned back, those of an equivariant layer are all alike"
    with drawing(path, title, width=PAGE, height=0.9 + 1.02 * num_rows) as figure:
        panels = figure.subplots(num_rows, len(DEGREES), squeeze=False)
        for panel in panels.flat:
            panel.set(xticks=[], yticks=[])
        for panel, each, degrees in zip(panels[0], inputs, DEGREES, strict=True):
            panel.imshow(visible(each[0], spec).numpy(), cmap=PICTURE, vmin=0, vmax=1)
            panel.set_title(f"{degrees}°")
        panels[0, 0].set_ylabel("input")
        for row, name in zip(range(1, num_rows, 2), layers, strict=True):
            maps = [answer[name].feature.group_max()[0] for answer in answers]  # [C, H, W] each
            channel = int(maps[0].flatten(1).var(1).argmax())
            _draw_layer(
                list(panels[row]), list(panels[row + 1]), [each[channel].cpu() for each in maps]
            )
            panels[row, 0].set_ylabel(f"“{name}”\nchannel {channel}")
            panels[row + 1, 0].set_ylabel("the same,\nturned back")
        figure.supxlabel("below: distance from the first column, in % of its spread (RMS)")


def _draw_layer(first: "Sequence[Axes]", second: "Sequence[Axes]", maps: Sequence[Tensor]) -> None:
    """Draw maps [H, W] in the first row, and turned back in the second."""
    inside = inside_disc(maps[0], INNER)
    spread = maps[0][inside].std(correction=0).clamp_min(1e-12)
    low, high = maps[0][inside].min().item(), maps[0][inside].max().item()
    for above, below, each, degrees in zip(first, second, maps, DEGREES, strict=True):
        back = turn_back(each, degrees)
        distance = (back - maps[0])[inside].square().mean().sqrt() / spread
        for panel, picture in ((above, each), (below, back)):
            hidden = picture.masked_fill(~inside_disc(picture, INNER), torch.nan)
            panel.imshow(hidden.numpy(), cmap=ANSWERS, vmin=low, vmax=high)
        below.set_xlabel("reference" if degrees == 0 else f"{100 * distance:.0f} %")


def visible(image: Tensor, spec: DataSpec) -> Tensor:
    """A normalised image [C, H, W] as [H, W, 3] in 0..1, or [H, W] if it has not three channels."""
    plain = spec.denormalised(image).clamp(0, 1).cpu()
    return plain.permute(1, 2, 0) if len(plain) == 3 else plain.mean(0)
