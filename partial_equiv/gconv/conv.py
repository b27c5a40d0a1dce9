r"""Lifting, group and pointwise convolutions, with continuous kernels or free weights.

With T taps p in the kernel's disc (or square) and G incoming elements h' of weight w:

    lifting    (f⋆ψ)(x, h) = Σ_p f(x + p) ψ(h⁻¹p)
    group      (f⋆ψ)(x, h) = Σ_h' w(h') Σ_p f(x + p, h') ψ(h⁻¹p, h⁻¹h') / Σ_h' w(h')
    pointwise  (f⋆ψ)(x, h) = Σ_h' w(h') f(x, h') ψ(h⁻¹h') / Σ_h' w(h')

The mean over h' estimates the normalised Haar integral, so that the response does not depend on the
number of samples. Romero & Lohit, NeurIPS 2022, equations 3-5.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from partial_equiv.ck import Kernel, Reading, SeparableKernel
from partial_equiv.gconv.convolution import Convolution
from partial_equiv.gconv.feature import GroupFeature
from partial_equiv.intervals import Count
from partial_equiv.sampling import Sample, Sampling

__all__ = ["GroupConv", "LiftingConv", "PointwiseConv"]


class LiftingConv(Convolution):
    """From an image to a feature on the group: [B, C_in, H, W] to [B, C_out, G, H', W'].

    >>> from functools import partial
    >>> from partial_equiv.ck import Siren
    >>> from partial_equiv.groups import SO2
    >>> lifting = LiftingConv(1, 8, kernel=Siren, sampling=partial(Sampling, SO2(), 4))
    >>> lifting(torch.zeros(2, 1, 9, 9)).x.shape
    torch.Size([2, 8, 4, 9, 9])
    """

    spatial, relative = True, False

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> GroupFeature:
        if not isinstance(images, Tensor) or images.ndim != 4:
            raise TypeError(
                f"LiftingConv reads images [B, C, H, W], not {described(images)}; what follows it "
                "is a GroupConv"
            )
        group = self.sampling.group
        identity = group.identity(self.stencil.positions.dtype, self.stencil.positions.device)
        feature = GroupFeature(images[:, :, None], identity[None, None], group=group)
        return self._respond(feature, lambda: self._sample(feature, generator))


class GroupConv(Convolution):
    """From a feature on the group to another: [B, C_in, G, H, W] to [B, C_out, G', H', W']."""

    spatial, relative = True, True

    def factors(self, reading: Reading) -> tuple[Tensor, ...]:
        if not isinstance(self.kernel, SeparableKernel):
            return super().factors(reading)
        with torch.autocast(reading.elements.device.type, enabled=False):
            position, element = self.kernel.apart(reading.coordinates)
            at_pixels = replace(
                reading, coordinates=element[..., :1, :], spread=lambda values: values
            )
            mixing = self.relaxation.relax(at_pixels.weight(self.kernel.mixing), at_pixels)
            over_pixels = replace(reading, coordinates=position[:, :, :1], shares=None)
            filters = over_pixels.weight(self.kernel.positions)
            # depthwise: the outputs lie as the inputs do, C_out outside
            return mixing, filters.transpose(1, 2).contiguous().transpose(1, 2)

    def forward(
        self, feature: GroupFeature, generator: torch.Generator | None = None
    ) -> GroupFeature:
        check_feature(self, feature)
        return self._respond(feature, lambda: self._sample(feature, generator))


class PointwiseConv(Convolution):
    """A group convolution that mixes channels and elements at each pixel alone (k = 1).

    As the shortcut of a residual block it computes the elements of the branch it is added to.
    """

    spatial, relative = False, True

    def __init__(
        self,
        in_channels: Count,
        out_channels: Count,
        *,
        kernel: Callable[..., Kernel],
        sampling: Callable[..., Sampling],
        bias: bool = True,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel=kernel, sampling=sampling, kernel_size=1, bias=bias
        )

    def forward(
        self,
        feature: GroupFeature,
        like: GroupFeature | None = None,
        generator: torch.Generator | None = None,
    ) -> GroupFeature:
        """Respond at the elements of `like`, or at the sampling's own if that is None."""
        check_feature(self, feature)
        if like is None:
            return self._respond(feature, lambda: self._sample(feature, generator))
        given = Sample(like.elements, like.weights, like.offset)
        response = self._respond(feature, lambda: given, like.elements)
        return replace(response, weights=like.weights, offset=like.offset)


def check_feature(layer: nn.Module, given: object) -> None:
    """Check what a layer is given.

    Raises:
        TypeError: for anything but a group feature.
    """
    if not isinstance(given, GroupFeature):
        raise TypeError(
            f"{type(layer).__name__} reads a GroupFeature, not {described(given)}: lift images "
            "with a LiftingConv first"
        )


def described(given: object) -> str:
    """A value in words: its kind and its shape."""
    shape = list(given.shape) if isinstance(given, Tensor | GroupFeature) else ""
    return f"{type(given).__name__} {shape}".strip()
