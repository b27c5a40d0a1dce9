r"""The averaged convolution: equivariant on ordinary maps, whatever their size and its stride.

    φ(x) = Σ_h w(h) h·conv(h⁻¹·x) / Σ_h w(h)

over a finite group whose elements permute the pixels. With equal weights φ(g·x) = g·φ(x) for every
element g, because h = g·k runs over the group as k does: for the mirror M it is the parity block
½[conv(x) + M conv(M x)]. It equals one convolution, with the averaged kernel Σ_h w(h) h·ψ / Σ_h
w(h), iff the stride rule holds along the axes that the elements reverse (see `Windows`). It is
computed so where the rule holds, and by moving the maps where it does not.
"""

from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor

from partial_equiv.gconv.convolution import Convolution
from partial_equiv.gconv.evaluation import convolve
from partial_equiv.gconv.feature import GroupFeature
from partial_equiv.groups import Group, Trivial
from partial_equiv.groups.pixels import permute_pixels
from partial_equiv.refusal import Refusal

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
        made = self._generate(feature, lambda: self._sample(feature, generator))
        (weight,), sample = made.factors, made.sample  # [1, n, C_out, C_in, 1, k, k]: h·ψ
        count = weight.new_ones(1, weight.shape[1]) if sample.weights is None else sample.weights
        shares = count / count.sum(1, keepdim=True)  # [S, n]
        if self._centred(feature.x):
            mean = (weight * shares[:, :, None, None, None, None, None]).sum(1, keepdim=True)
            x = self._convolved(feature.x, mean)
        else:
            matrices = self.sampling.group.matrix(sample.elements[0]).cpu()
            unmoved = [permute_pixels(h.T, weight[:, j]) for j, h in enumerate(matrices)]  # ψ
            moved = [
                self._convolved(permute_pixels(h.T, feature.x), each[:, None])
                for h, each in zip(matrices, unmoved, strict=True)
            ]
            back = [permute_pixels(h, each) for h, each in zip(matrices, moved, strict=True)]
            x = (torch.stack(back, 1) * shares[:, :, None, None, None, None]).sum(1)
        return replace(feature, x=x if self.bias is None else x + self.bias[:, None, None, None])

    def _convolved(self, x: Tensor, weight: Tensor) -> Tensor:
        return convolve(x, weight, None, self._windows, self.padding_mode, self.channels_last)

    def _centred(self, x: Tensor) -> bool:
        """Whether the windows lie symmetrically along every axis that an element reverses."""
        sizes = zip(x.shape[-2:], self._reversed, strict=True)
        return not any(turned and self._windows.remainder(size) for size, turned in sizes)

    @cached_property
    def _reversed(self) -> tuple[bool, bool]:
        """Whether some element reverses the rows, or swaps them with the columns; the columns."""
        fixed = self.sampling.group.matrix(self.whole_group()[0]).diagonal(dim1=-2, dim2=-1) > 0.5
        columns, rows = (~fixed).any(0).tolist()
        return rows, columns


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
