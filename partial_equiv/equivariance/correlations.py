r"""How alike every layer's answers to an image and to its transform are, as correlations.

For a layer f and a transform T, over all values that f gives one image,

    raw          corr(f(x), f(T x))
    equivariant  corr(T f(x), f(T x)) = corr(f(x), T⁻¹ f(T x)).

The second is 1 iff the layer answers to T x with its answer to x, transformed, up to scale and
offset; the first alone says how symmetrical the answer is.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from partial_equiv.equivariance.errors import values
from partial_equiv.equivariance.layouts import Transform, move
from partial_equiv.equivariance.nested import mapped
from partial_equiv.equivariance.recording import Inputs, evaluating, record

__all__ = ["LayerCorrelations", "layer_correlations"]


@dataclass(frozen=True)
class LayerCorrelations:
    """The correlations of one layer.

    Attributes:
        name, kind: as in `LayerErrors`.
        raw: of each image [B]; NaN where an answer is constant, or changes its size.
        equivariant: likewise; NaN also if the layer's elements are not closed under T.
    """

    name: str
    kind: str
    raw: Tensor
    equivariant: Tensor


@torch.no_grad()
def layer_correlations(
    module: nn.Module, transform: Transform, inputs: Inputs, moved: Inputs | None = None
) -> tuple[LayerCorrelations, ...]:
    """The correlations of every layer of a module, as it is in evaluation.

    Args:
        module: anything; the layers are those of `equivariance_error`.
        transform: T, likewise.
        inputs: x, images [B, C, H, W] or a feature; a tuple holds the module's arguments.
        moved: T x, if it is known better than by interpolation.

    >>> from partial_equiv import Mirror, actions
    >>> (mirror,) = actions(Mirror())[1:]
    >>> x = torch.randn(2, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    >>> layer, *_ = layer_correlations(nn.Sequential(nn.ReLU()), mirror, x)
    >>> round(layer.equivariant.min().item(), 9)
    1.0
    """
    with evaluating(module):
        still = record(module, inputs)
        turned = record(module, mapped(transform, inputs) if moved is None else moved)
    found = []
    for name, call in still.items():
        if name not in turned:  # it is not called for T x
            continue
        there = values(turned[name].output)
        raw = correlation(values(call.output), there)
        try:
            equivariant = correlation(values(move(transform, call.output, call.layout)), there)
        except TypeError:  # it is not known how T acts on what the layer gives
            continue
        except ValueError:  # the elements of the feature are not closed under T
            equivariant = torch.full_like(raw, torch.nan)
        found.append(LayerCorrelations(name, type(call.layer).__name__, raw, equivariant))
    return tuple(found)


def correlation(one: Tensor, other: Tensor) -> Tensor:
    """Pearson's correlation of the values [B, ...] of each image, [B] in float64."""
    if one.shape != other.shape:
        return one.new_full((len(one),), torch.nan, dtype=torch.float64)
    one, other = (part.double().flatten(1) for part in (one, other))
    one, other = (part - part.mean(1, keepdim=True) for part in (one, other))
    products = torch.linalg.vecdot(one, other)
    return products / (one.norm(dim=1) * other.norm(dim=1))
