r"""The averaged convolution: equivariant on ordinary maps, whatever their size and its stride.

    φ(x) = Σ_h w(h) h·conv(h⁻¹·x) / Σ_h w(h)

over a finite group whose elements permute the pixels. With equal weights φ(g·x) = g·φ(x) for every
element g, because h = g·k runs over the group as k does: for the mirror M it is the parity block
½[conv(x) + M conv(M x)]. It equals one convolution, with the averaged kernel Σ_h w(h) h·ψ / Σ_h
w(h), iff the stride rule holds along the axes that the elements reverse (see `Windows`). It is
computed so where the rule holds, and by moving the maps where it does not.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from partial_equiv.gconv.convolution import Convolution
from partial_equiv.gconv.evaluation import Order, arrange, convolve
from partial_equiv.gconv.feature import GroupFeature
from partial_equiv.gconv.windows import Windows
from partial_equiv.groups import Group, Trivial
from partial_equiv.groups.pixels import permute_pixels
from partial_equiv.refusal import Refusal
from partial_equiv.sampling import Sample

__all__ = ["AveragedConv"]


class AveragedConv(Convolution):
    """From maps [B, C_in, H, W] to maps [B, C_out, 1, H', W'] of the trivial group's one element.

    It reads images, and features of the trivial group, such as its own. The sampling says which
    elements count: with `partial`, each one is kept with a learned probability, from the ordinary
    convolution (the identity alone, as on the trivial group) to the whole average. All of them have
    the same parameters.

    >>> from functools import partial
    >>> import partial_equiv as pe
    >>> mirror = partial(pe.Sampling, pe.Mirror())
    >>> block = AveragedConv(1, 2, kernel=pe.GridKernel, sampling=mirror, stride=2).double()
    >>> x = torch.randn(1, 1, 6, 6).double()
    >>> torch.allclose(block(x.flip(-1)).x, block(x).x.flip(-1))
    True
    """

    spatial, relative, averages = True, False, True

    def _accept(self, group: Group) -> None:
        if not group.permutes_pixels:
            raise Refusal(
                "an averaged convolution moves whole pixels, use T2, mirror, or cyclic "
                "or dihedral of order 1, 2 or 4",
                group=type(group).__name__,
            )

    def forward(
        self, given: Tensor | GroupFeature, generator: torch.Generator | None = None
    ) -> GroupFeature:
        feature = as_feature(given)
        response = self._respond(feature, lambda: self._sample(feature, generator))
        return replace(feature, x=response.x)

    def _order(self, feature: GroupFeature, sample: Sample) -> Order:
        (weight,) = self.factors(self.reading(feature, sample.elements))
        count = weight.new_ones(1, weight.shape[1]) if sample.weights is None else sample.weights
        matrices = self.sampling.group.matrix(sample.elements[0]).cpu()
        return Averaging(weight, count / count.sum(1, keepdim=True), matrices, self._reversed)

    @cached_property
    def _reversed(self) -> tuple[bool, bool]:
        """Whether some element reverses the rows, or swaps them with the columns; the columns."""
        fixed = self.sampling.group.matrix(self.whole_group()[0]).diagonal(dim1=-2, dim2=-1) > 0.5
        columns, rows = (~fixed).any(0).tolist()
        return rows, columns


@dataclass(frozen=True)
class Averaging(Order):
    """The weighted mean over some elements h.

    Attributes:
        weight: h·ψ for each of them, [1, n, C_out, C_in, 1, k, k].
        shares: of each in the mean [S, n].
        matrices: that move the pixels, [n, 2, 2], not on a GPU.
        reversed: which axes some element reverses or swaps: the rows, the columns.
    """

    weight: Tensor
    shares: Tensor
    matrices: Tensor
    reversed: tuple[bool, bool]

    def arranged(self, x: Tensor, kept_in: torch.dtype | None = None) -> "Averaging":
        return replace(self, weight=arrange(self.weight, x, kept_in))

    def respond(
        self,
        x: Tensor,
        bias: Tensor | None,
        windows: Windows,
        padding_mode: Literal["zeros", "circular"],
        channels_last: bool = False,
    ) -> Tensor:
        how = None, windows, padding_mode, channels_last
        if self._centred(x, windows):
            shares = self.shares[:, :, None, None, None, None, None]
            y = convolve(x, (self.weight * shares).sum(1, keepdim=True), *how)
        else:
            unmoved = [permute_pixels(h.T, self.weight[:, j]) for j, h in enumerate(self.matrices)]
            moved = [
                convolve(permute_pixels(h.T, x), each[:, None], *how)
                for h, each in zip(self.matrices, unmoved, strict=True)
            ]
            back = [permute_pixels(h, each) for h, each in zip(self.matrices, moved, strict=True)]
            y = (torch.stack(back, 1) * self.shares[:, :, None, None, None, None]).sum(1)
        return y if bias is None else y + bias[:, None, None, None]

    def _centred(self, x: Tensor, windows: Windows) -> bool:
        """Whether the windows lie symmetrically along every axis that an element reverses."""
        sizes = zip(x.shape[-2:], self.reversed, strict=True)
        return not any(turned and windows.remainder(size) for size, turned in sizes)


def as_feature(given: Tensor | GroupFeature) -> GroupFeature:
    """Maps as a feature of the trivial group.

    Raises:
        Refusal: for a feature of another group.
    """
    if isinstance(given, GroupFeature):
        if given.elements.shape[-1]:
            raise Refusal("an averaged convolution reads maps: pool over the group before it")
        return given
    group = Trivial()
    elements = group.elements(given.dtype, given.device)
    return GroupFeature(given[:, :, None], elements[None], group=group)
