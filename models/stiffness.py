r"""Nets that predict the stiffness of a periodic cell and move it with the cell: Q(gx) = ρ(g)Q(x).

[group conv → norm → ReLU (→ pool)] × L, the first one lifts → one vector v_h for each element h of
the group → pointwise group conv → ReLU → head,

    Q = mean_h ρ(h)(W v_h + b),

every equivariant linear map from functions on the group to a tensor: ρ is diagonal in the tensor's
irreducible parts, where the sum projects on their characters. On the trivial group it is a linear
layer. (Cohen & Welling, "Steerable CNNs", ICLR 2017, section 2.)

Shifts are exact where the vectors are means over the pixels, padding is circular, and nothing that
is subsampled depends on where the pixels are counted from:

    dilation    no subsampling: what follows looks at every second pixel instead
    polyphase   of the four ways to subsample by 2 the one of largest norm (Chaman & Dokmanić,
                "Truly Shift-Invariant CNNs", CVPR 2021); a quarter of the work, pool by pool

The first averages over all the ways of which the second takes one; where ways tie, since a cell has
symmetries of its own such as those of a centred hole, the second averages over them, too.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from datasets.stiffness import COMPONENTS, PLACES, SWAPPED
from models.layers import check_places, layer_channels
from models.polyphase import StrongestPhase
from models.readout import PoolEach
from partial_equiv.gconv import Activation, GroupConv, GroupFeature, LiftingConv, Norm, SpatialPool
from partial_equiv.groups import Group
from partial_equiv.intervals import Count, Natural, Positive
from partial_equiv.refusal import Refusal

__all__ = ["StiffnessHead", "StiffnessNet", "representation"]

Positivity = Literal["none", "exp", "square"]
Shifts = Literal["none", "dilation", "polyphase"]


class StiffnessNet(nn.Sequential):
    """Maps cells [B, in_channels, H, W] to stiffnesses [B, 6], ordered as `COMPONENTS` are.

    Args:
        in_channels: of the cells.
        num_outputs: 6.
        size: of the cells, (H, W) with H = W.
        lifting: makes the lifting convolution from (in_channels, out_channels).
        conv: makes a group convolution from (in_channels, out_channels).
        hidden_channels: of the lifting layer; `widths` multiply it.
        widths: one group convolution each, of hidden_channels·width channels (rounded).
        pools: after which layers to halve; 0 is the lifting layer, 1 the first after it.
        shifts: how to be equivariant to them (see above); "none" pads with zeros, pools by the
            maximum, and reads out all pixels where they are, by a window of their size.
        positive: make Q positive definite, as the exponential or the square of what the head says.
        norm: over what to normalise (see `Norm`).

    Parameters of the shipped nets on cells of 64 pixels: plain 23,305, flip and c4 23,149, d4
    22,214, shift 22,630, d4_shift 22,646.

    Raises:
        Refusal: if the task is not six numbers, the cells are not square or cannot be halved so
            often, `pools` names a layer that there is not, or an element of the group is no
            symmetry of the pixels.
    """

    def __init__(
        self,
        in_channels: Count,
        num_outputs: Count,
        size: tuple[int, int],
        lifting: Callable[..., LiftingConv],
        conv: Callable[..., GroupConv],
        *,
        hidden_channels: Count = 23,
        widths: Sequence[Positive] = (1, 1, 1),
        pools: Sequence[Natural] = (0, 1, 2, 3),
        shifts: Shifts = "none",
        positive: Positivity = "none",
        norm: Literal["batch", "instance", "layer"] = "batch",
    ) -> None:
        if num_outputs != len(COMPONENTS):
            raise Refusal(
                f"a stiffness has {len(COMPONENTS)} components, the data set {num_outputs}; "
                "try dataset=unit_cells task=regression"
            )
        check_places("pools", pools, len(widths))
        halvings = 2 ** len(pools)
        if size[0] != size[1] or size[0] % halvings:
            raise Refusal(
                f"cells of {size[0]} x {size[1]} pixels should be square, and a multiple "
                f"of {halvings}",
                pools=list(pools),
            )
        channels = [hidden_channels, *layer_channels(hidden_channels, widths)]
        around: dict[str, object] = {} if shifts == "none" else {"padding_mode": "circular"}
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        dilation = 1
        for i, out_channels in enumerate(channels):
            given = {**around, "dilation": dilation, "padding": "same", "bias": False}
            if i == 0:
                layers["lifting"] = lifting(in_channels, out_channels, **given)
            else:
                layers[f"conv{i}"] = conv(channels[i - 1], out_channels, **given)
            if i in pools and shifts == "polyphase":
                layers[f"pool{i}"] = StrongestPhase()
            layers[f"norm{i}"] = Norm(out_channels, norm)
            layers[f"activation{i}"] = Activation()
            if i in pools and shifts == "none":
                layers[f"pool{i}"] = SpatialPool("max")
            if i in pools and shifts == "dilation":
                dilation *= 2
        last = channels[-1]
        window = size[0] // halvings if shifts == "none" else 1
        if shifts != "none":
            layers["spatial_pool"] = PoolEach("mean")
        layers["window"] = reading = conv(last, last, kernel_size=window, padding="valid")
        layers["activation"] = Activation()
        layers["head"] = StiffnessHead(last, reading.sampling.group, positive)
        super().__init__(layers)

    def forward(self, cells: Tensor) -> Tensor:
        """Cells [B, in_channels, H, W] to stiffnesses [B, 6]."""
        value, cell = cells, torch.arange(len(cells), device=cells.device)
        share = cells.new_ones(len(cells))  # of the ways that its cell is followed in
        for layer in self:
            if isinstance(layer, StrongestPhase):
                value, image = layer(value)
                cell, share = cell[image], (share / image.bincount())[image]
            else:
                value = layer(value)
        if len(value) == len(cells):
            return value
        return value.new_zeros(len(cells), len(COMPONENTS)).index_add(
            0, cell, share[:, None] * value
        )


def representation(matrices: Tensor) -> Tensor:
    """ρ(h) [..., 6, 6] on components of Q, of elements h with `matrices` [..., 2, 2] on positions.

    Q is the 3 x 3 matrix from engineering strains to stresses, and becomes T(h) Q T(h)ᵀ.

    >>> quarter_turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    >>> (representation(quarter_turn) @ torch.arange(6.0)).tolist()
    [1.0, 0.0, 2.0, 3.0, -5.0, -4.0]
    """
    (a, b), (c, d) = ((row[..., 0], row[..., 1]) for row in matrices.unbind(-2))
    rows = [
        torch.stack([a * a, b * b, 2 * a * b], dim=-1),
        torch.stack([c * c, d * d, 2 * c * d], dim=-1),
        torch.stack([a * c, b * d, a * d + b * c], dim=-1),
    ]
    stresses = torch.stack(rows, dim=-2)[..., None, :, :]  # T [..., 1, 3, 3]
    basis = as_matrix(torch.eye(len(COMPONENTS), dtype=matrices.dtype, device=matrices.device))
    return as_components(stresses @ basis @ stresses.mT).mT


def as_matrix(components: Tensor) -> Tensor:
    """Q [..., 3, 3] of its components [..., 6]."""
    order = {place: k for k, (i, j) in enumerate(PLACES) for place in ((i, j), (j, i))}
    places = [[order[i, j] for j in range(3)] for i in range(3)]
    return components[..., torch.tensor(places, device=components.device)]


def as_components(matrices: Tensor) -> Tensor:
    """The components [..., 6] of Q [..., 3, 3]."""
    rows, columns = zip(*PLACES, strict=True)
    return matrices[..., list(rows), list(columns)]


class StiffnessHead(nn.Module):
    """From a feature [B, C, G, 1, 1] to Q [B, 6], equivariantly.

    Its answers are scaled as the labels are that `standardise` was shown.

    Args:
        channels: C.
        group: of the feature; all its elements permute pixels.
        positive: "exp" and "square" say what to make of the symmetric matrix that comes out.

    Raises:
        Refusal: if an element of the group does not permute pixels.
    """

    offset: Tensor
    scale: Tensor

    def __init__(self, channels: Count, group: Group, positive: Positivity = "none") -> None:
        super().__init__()
        if not group.permutes_pixels:
            raise Refusal(
                "a stiffness net needs elements that map pixels to pixels, use T2, "
                "mirror, or cyclic or dihedral of order 1, 2 or 4",
                **{"base_group.group": type(group).__name__},
            )
        self.group, self.positive = group, positive
        self.linear = nn.Linear(channels, len(COMPONENTS))
        self.register_buffer("offset", torch.zeros(len(COMPONENTS)))
        self.register_buffer("scale", torch.ones(len(COMPONENTS)))

    def forward(self, feature: GroupFeature) -> Tensor:
        said = self.linear(feature.x.flatten(2).mT)  # [B, G, 6]
        moved = representation(self.group.matrix(feature.elements)) @ said[..., None]
        moved = moved[..., 0].mT[..., None, None]  # [B, 6, G, 1, 1]
        mean = feature.map(lambda _: moved).group_mean().flatten(1)
        return self._made_positive(self.offset + self.scale * mean)

    @torch.no_grad()
    def standardise(self, targets: Tensor, *, orthotropic: bool = False) -> None:
        """Take mean and spread of labels [N, 6] as a law has them that every symmetry of the pixels
        leaves as it is: one for Q00 and Q11, one for Q12 and Q02, whose mean is 0.

        Where the phases are `orthotropic`, such a law tells x from y, and has one for each of these
        components; but a net that is equivariant to quarter turns cannot.
        """
        targets = self._unlinked(targets.double())
        quarter_turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
        unlike = orthotropic and not self.group.contains(quarter_turn)
        partner = list(range(len(COMPONENTS))) if unlike else SWAPPED
        mean = (targets + targets[:, partner]).mean(0) / 2
        mean[4:] = 0
        variance = (targets - mean).square().mean(0)
        variance = (variance + variance[partner]) / 2
        self.offset.copy_(mean)
        self.scale.copy_(variance.sqrt().clamp_min(1e-6))

    def _made_positive(self, components: Tensor) -> Tensor:
        if self.positive == "none":
            return components
        matrix = as_matrix(components)
        made = torch.matrix_exp(matrix) if self.positive == "exp" else matrix @ matrix
        return as_components(made)

    def _unlinked(self, targets: Tensor) -> Tensor:
        """The components that `_made_positive` makes the targets of."""
        if self.positive == "none":
            return targets
        values, vectors = torch.linalg.eigh(as_matrix(targets))
        values = values.clamp_min(1e-12)
        values = values.log() if self.positive == "exp" else values.sqrt()
        return as_components(vectors @ values.diag_embed() @ vectors.mT)
