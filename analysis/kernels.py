"""The figure of a layer's continuous kernel, drawn finely over its disc and over the group.

A lifting kernel ψ(h⁻¹p) is one picture that turns with the output's element h. A group kernel
ψ(h⁻¹p, h⁻¹h') is another picture for each element h' that it reads; it is drawn at h = e.
"""

from pathlib import Path

import torch
from torch import Tensor

from analysis.appearance import PAGE, SIGNED, drawing
from analysis.names import element_names
from analysis.responses import Response

__all__ = ["draw_kernel", "kernel_over_group"]

RESOLUTION, MOST_ELEMENTS, MOST_PAIRS = 65, 16, 4


@torch.inference_mode()
def kernel_over_group(response: Response, resolution: int = RESOLUTION) -> tuple[Tensor, Tensor]:
    """A layer's kernel at fine positions, with NaN outside of the disc, and the elements it is for.

    Returns:
        values [C_out, C_in, n, resolution, resolution] and elements [n, d], at most 16 of them.
    """
    layer = response.layer
    group, positions = layer.sampling.group, layer.stencil.positions
    elements = response.feature.elements if response.read is None else response.read
    if elements.shape[-1] != group.element_size:  # an average over the group: of all of it
        elements = group.grid(layer.sampling.num_samples, positions.dtype, positions.device)[None]
    chosen = torch.linspace(0, elements.shape[1] - 1, min(elements.shape[1], MOST_ELEMENTS))
    elements = elements[0, chosen.round().long().to(elements.device)]  # [n, d]
    steps = torch.arange(resolution, dtype=positions.dtype, device=positions.device)
    steps = (2 * steps + 1) / resolution - 1  # centres of the picture's pixels
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1).flatten(0, 1)
    if response.read is None:
        coordinates = grid @ group.matrix(group.inverse(elements)).mT  # [n, R², 2]
    else:
        relative = group.coordinates(elements)[:, None].expand(-1, len(grid), -1)
        coordinates = torch.cat([grid.expand(len(elements), -1, -1), relative], dim=-1)
    values = layer.kernel(coordinates).permute(2, 3, 0, 1)  # [C_out, C_in, n, R²]
    outside = (grid.norm(dim=-1) > 1) & (not layer.kernel.square)
    return values.masked_fill(outside, torch.nan).unflatten(-1, (resolution, resolution)), elements


def draw_kernel(response: Response, name: str, path: Path) -> None:
    """Draw the strongest channel pairs of a layer's kernel (rows) over the group (columns)."""
    layer = response.layer
    values, elements = kernel_over_group(response)
    pairs = _strongest(values)
    columns = element_names(layer.sampling.group.matrix(elements).cpu())
    alone = len(columns) == 1  # the trivial group: one row of channel pairs
    lifts = response.read is None
    wide, high = (len(pairs), 1) if alone else (len(columns), len(pairs))
    cell = (PAGE - 1.9) / max(wide, 6)
    if alone:
        title = f"Kernel of the layer “{name}”"
    elif lifts:
        title = f"The kernel of “{name}” turns with the group element that it answers for"
    else:
        title = f"“{name}” reads each incoming group element with another kernel"
    with drawing(path, title, width=1.9 + cell * max(wide, 4), height=1.2 + cell * high) as figure:
        panels = figure.subplots(high, wide, squeeze=False)
        panels = panels.T if alone else panels
        limit = max(values[pair].nan_to_num().abs().max().item() for pair in pairs)
        for row, pair in zip(panels, pairs, strict=True):
            for panel, picture in zip(row, values[pair].cpu().numpy(), strict=True):
                image = panel.imshow(
                    picture, cmap=SIGNED, vmin=-limit, vmax=limit, extent=(-1, 1, 1, -1)
                )
                panel.set(xticks=[], yticks=[], frame_on=False)
            name_pair = f"{pair[1]} → {pair[0]}"
            if alone:
                row[0].set_title(name_pair)
            else:
                row[0].set_ylabel(name_pair, rotation=0, ha="right", va="center")
        x, y = layer.stencil.positions.cpu().numpy().T
        panels[0, 0].scatter(x, y, s=2, color="black", linewidths=0)
        taps = layer.stencil.kernel_size
        notes = [f"dots: the taps of the {taps} × {taps} window"]
        if alone:
            notes.insert(0, "channel: in → out")
        else:
            for panel, column in zip(panels[0], columns, strict=True):
                panel.set_title(column, rotation=45 if wide > 10 else 0)
            mirrors = " (M: mirrored)" if any("M" in column for column in columns) else ""
            element = "element that is answered for" if lifts else "incoming element"
            notes.insert(0, element + mirrors)
            figure.supylabel("channel: in → out")
        figure.supxlabel("; ".join(notes))
        figure.colorbar(image, ax=panels, label="weight", shrink=0.9, aspect=15)


def _strongest(values: Tensor) -> list[tuple[int, int]]:
    """The pairs (out, in) of highest power, one for each output channel at most."""
    power = values.nan_to_num().square().mean((2, 3, 4))  # [C_out, C_in]
    best = power.max(1)
    order = best.values.argsort(descending=True)[:MOST_PAIRS].tolist()
    return [(out, int(best.indices[out])) for out in order]
