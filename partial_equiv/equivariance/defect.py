r"""How far the weights of a net are from equivariant ones: one number for every relaxation.

    defect = ‖W - PW‖ / ‖W‖,    PW = mean over g of ρ_out(g) W ρ_in(g)⁻¹

P projects the weight of a convolution on those that are equivariant, by moving what is read and
what is written together. The defect is 0 for an equivariant layer; 1 is its limit, where nothing of
W is equivariant. (Free weights with n in an orbit have √(1 - 1/n), as a mean over draws.) It asks
of the weights what `equivariance_error` asks of the answers.

In *relative* coordinates, an output at the element h that reads its input at the pixel p and the
element h' does so with the weight W(h; q, r), q = h⁻¹p, r = h⁻¹h'. There g moves h alone, so that
an equivariant weight does not depend on h, and PW(q, r) is the mean of W(h; q, r) over h. Where all
elements map pixels to pixels, it is read as the layer uses it, and its indices are permuted;
elsewhere its kernels are read at the unturned pixels q, which needs no interpolation (but what a
relaxation adds to single pixels is turned by it, see `Relaxation.at_pixels`). Of a continuous
group, h runs over the grid of the layer, whose steps are the g.

Elements that a layer drops have W(h; ·) = 0, and rotations beyond its range as well: a layer that
keeps a share p of the group, and changes nothing else, has the defect √(1 - p).

‖W - PW‖ is what projection penalties weigh (arXiv 2601.05028). To read a learned subset as a weight
that is 0 elsewhere, and relative coordinates for sampled groups, are our own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from operator import mul

import torch
from torch import Tensor, nn

from partial_equiv.ck import SeparableKernel
from partial_equiv.equivariance.actions import resample
from partial_equiv.equivariance.recording import evaluating
from partial_equiv.gconv import Convolution, GroupFeature
from partial_equiv.groups import Group
from partial_equiv.groups.pixels import permute_pixels
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations import Choice, Relaxation

__all__ = ["defects", "needs_images", "relative_defect", "relative_weight"]


@torch.no_grad()
def defects(model: nn.Module, images: Tensor | None = None) -> dict[str, float]:
    """The relative defect of every layer that has a relaxation, and of the model as a whole.

    It is that of evaluation: nothing is drawn. That of the model is the root mean square over these
    layers, as if each had the norm 1, because the norms that follow make their scales arbitrary.

    Args:
        model: in training or not; it is left as it was.
        images: [B, C, H, W], for relaxations that depend on them, whose defect is the root mean
            square over the images.

    Returns:
        "defect", and "defect/<layer>" for each layer; nothing for a model without convolutions of
        a group of several elements, and the "defect" 0 if none of these is relaxed.

    Raises:
        Refusal: without images, where they are needed.

    >>> from functools import partial
    >>> import partial_equiv as pe
    >>> d4 = partial(pe.Sampling, pe.Dihedral(4))
    >>> layer = pe.LiftingConv(1, 2, kernel=pe.GridKernel, sampling=d4, partial=True)
    >>> layer.relaxation.keep_logits.data[1:] = -1.0  # two of eight elements are kept
    >>> defects(torch.nn.Sequential(layer))
    {'defect': 0.866..., 'defect/0': 0.866...}
    """
    found = _convolutions(model)
    if not found:
        return {}
    relaxed = {name: layer for name, layer in found.items() if layer.partial}
    chosen: dict[nn.Module, Choice] = {}
    with evaluating(model):
        if needs_images(model):
            if images is None:
                raise Refusal("this net's relaxations depend on the image: give some", images=None)
            with _listening(relaxed, chosen):
                model(images)
        each = {
            f"defect/{name}": relative_defect(layer, chosen.get(layer.relaxation))
            for name, layer in relaxed.items()
        }
    mean_square = sum(value**2 for value in each.values()) / max(len(each), 1)
    return {"defect": mean_square**0.5, **each}


def needs_images(model: nn.Module) -> bool:
    """Whether some layer of a model is relaxed in another way for each image."""
    return any(layer.relaxation.depends_on_input for layer in _convolutions(model).values())


@torch.no_grad()
def relative_defect(layer: Convolution, choice: Choice | None = None) -> float:
    """‖W - PW‖ / ‖W‖ of a layer as it is in evaluation; 0 for a weight of zeros.

    Args:
        layer: in evaluation mode.
        choice: of its relaxation; several in it are several images, whose root mean square is
            taken. None: what it chooses for an image of zeros.
    """
    whole = layer.whole_group()
    blank = whole.new_zeros(1, layer.kernel.in_channels, whole.shape[1], 1, 1)
    if choice is None:
        choice = layer.relaxation(GroupFeature(blank, whole))
    one = whole.new_ones(1)
    extent = one if choice.extent is None else choice.extent
    keep = one[:, None].expand(-1, whole.shape[1]) if choice.weights is None else choice.weights
    weight = relative_weight(layer)
    if not layer.averages:
        return _relative(weight, keep, extent).mean().sqrt().item()
    group, squares = layer.sampling.group, []
    moves = group.matrix(whole[0]).cpu()
    turned = torch.stack([permute_pixels(h, each) for h, each in zip(moves, weight, strict=True)])
    for counts in keep:  # the weight of one convolution, which the group moves
        mean = torch.tensordot(counts / counts.sum(), turned, 1)
        orbit = torch.stack([permute_pixels(h.T, mean) for h in moves])
        squares.append(_relative(orbit, torch.ones_like(keep[:1]), one))
    return torch.cat(squares).mean().sqrt().item()


def relative_weight(layer: Convolution) -> Tensor:
    """W(h; q, r) over the whole group, [n, C_out, C_in, G_in, k, k], as the relaxation has made it
    but for what it drops.

    The same for every h iff the layer is equivariant; G_in is 1 for a layer that reads images.
    """
    group, whole = layer.sampling.group, layer.whole_group()
    inputs = whole if layer.relative else torch.zeros_like(whole[:, :1])  # the identity
    given = GroupFeature(whole.new_zeros(1, 1, inputs.shape[1], 1, 1), inputs)
    reading = layer.reading(given, whole)
    if not layer.spatial or group.permutes_pixels:
        weight = layer.kernel.added(reduce(mul, layer.factors(reading))[0], 1)
    else:
        read = reading.coordinates
        still = layer.stencil.positions.expand(*read.shape[:-1], -1)
        unturned = replace(reading, coordinates=torch.cat([still, read[..., 2:]], -1))
        if layer.relaxation.at_pixels and not isinstance(layer.kernel, SeparableKernel):
            weight = unturned.weight(layer.kernel)[0]
            strict = reading.weight(layer.kernel)
            added = (layer.relaxation.relax(strict, reading) - strict)[0]
            back = group.matrix(group.inverse(whole[0]))
            weight = weight + resample(back, added.flatten(1, 3)).view_as(added)
        else:
            weight = layer.kernel.added(reduce(mul, layer.factors(unturned))[0], 1)
    if layer.relative:
        places = _places(group, whole[0])
        weight = torch.stack(
            [each[:, :, place] for each, place in zip(weight, places, strict=True)]
        )
    if layer.spatial and group.permutes_pixels:
        moves = group.matrix(whole[0]).cpu()
        weight = torch.stack(
            [permute_pixels(h.T, each) for h, each in zip(moves, weight, strict=True)]
        )
    return weight


def _places(group: Group, elements: Tensor) -> Tensor:
    """For each of a grid's elements h, where in it h·r_k lies [n, n], with r_k = h_0⁻¹h_k."""
    relative = group.product(group.inverse(elements)[:, None], elements)  # h⁻¹h'
    coordinates = group.coordinates(relative)
    return torch.cdist(coordinates[:1], coordinates).argmin(-1)


def _relative(weight: Tensor, keep: Tensor, extent: Tensor) -> Tensor:
    """‖W - PW‖² / ‖W‖² [S] where W is keep(h)·W(h; ·) on a share of the group, and 0 on the rest.

    Args:
        weight: W(h; ·) [n, ...].
        keep: [S, n].
        extent: the share [S].
    """
    flat = weight.flatten(1)
    mean = flat.mean(0, keepdim=True)
    parts = torch.cat([mean, flat - mean])  # apart, so that what is equal cancels exactly
    gram = parts @ parts.T

    def square(amounts: Tensor) -> Tensor:
        """‖Σ_h amounts(h) W(h)‖² for amounts [..., n]."""
        amounts = torch.cat([amounts.sum(-1, keepdim=True), amounts], -1)
        return ((amounts @ gram) * amounts).sum(-1).clamp_min(0)

    kept, projected = torch.diag_embed(keep), keep * extent[:, None] / keep.shape[1]
    inside = square(kept - projected[:, None]).mean(-1)  # ‖W(h) - PW‖² where h is within the share
    outside = (1 - extent) * extent * square(keep / keep.shape[1])  # ‖PW‖², over the rest
    norm = square(kept).mean(-1)
    return torch.where(norm > 0, (inside + outside) / norm, 0.0)


def _convolutions(model: nn.Module) -> dict[str, Convolution]:
    """The layers with a group of several elements, by name."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, Convolution) and module.sampling.group.size != 1
    }


@contextmanager
def _listening(layers: dict[str, Convolution], chosen: dict[nn.Module, Choice]) -> Iterator[None]:
    """Note what the relaxations of the layers choose while the model runs."""

    def note(relaxation: Relaxation, _: object, choice: Choice) -> None:
        chosen[relaxation] = choice

    hooks = [layer.relaxation.register_forward_hook(note) for layer in layers.values()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
