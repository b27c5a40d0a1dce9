"""The weight of a layer over its whole group, and how group elements move it, by brute force."""

import torch
from torch import Tensor

from partial_equiv.gconv import Convolution, GroupFeature
from partial_equiv.groups.pixels import permute_pixels, permutes_pixels

__all__ = ["moved", "moving_pixels", "weight_of"]


def weight_of(layer: Convolution) -> Tensor:
    """Its weight [G_out, C_out, C_in, G_in, k, k] over the whole group."""
    grid = layer.sampling.group.grid(layer.sampling.num_samples, torch.float64)[None]
    read = grid if layer.relative else grid[:, :1]
    feature = GroupFeature(
        torch.zeros(1, layer.kernel.in_channels, read.shape[1], 5, 5).double(), read
    )
    return layer.kernel_weights(feature, grid)[0]


def moved(layer: Convolution, weight: Tensor, element: int) -> Tensor:
    """ρ_out(g) W ρ_in(g)⁻¹ by brute force, for the g that moves the first element to this one."""
    group = layer.sampling.group
    matrices = group.matrix(group.grid(layer.sampling.num_samples, torch.float64))
    g = matrices[element] @ matrices[0].mT
    sources = g.mT @ matrices
    places = (sources[:, None] - matrices).abs().amax((-2, -1)).argmin(1)
    weight = weight[places] if weight.shape[3] == 1 else weight[places][:, :, :, places]
    return permute_pixels(g, weight)


def moving_pixels(layer: Convolution) -> list[int]:
    """The elements that `moved` can use: those that are reached by quarter turns and mirrors."""
    group = layer.sampling.group
    matrices = group.matrix(group.grid(layer.sampling.num_samples, torch.float64))
    return [i for i, each in enumerate(matrices) if permutes_pixels(each @ matrices[0].mT)]
