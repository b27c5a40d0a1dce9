"""What the convolutions share: elements to compute, a kernel to read there, and the sum."""

import functools
from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from partial_equiv.ck import ContinuousKernel, Kernel, Reading, SeparableKernel
from partial_equiv.gconv.evaluation import InTurn, Order, half_precision
from partial_equiv.gconv.feature import GroupFeature, masked, measure
from partial_equiv.gconv.filtering import FilterFirst, filtering_pays
from partial_equiv.gconv.frozen import Generated, frozen
from partial_equiv.gconv.initialisation import power_in_a_stack
from partial_equiv.gconv.stencil import Stencil
from partial_equiv.gconv.windows import Windows
from partial_equiv.groups import Group
from partial_equiv.intervals import Count, Natural
from partial_equiv.refusal import Refusal
from partial_equiv.relaxations import Layer, LearnedSubset, Relaxation
from partial_equiv.sampling import Sample, Sampling

__all__ = ["Convolution"]


class Convolution(nn.Module):
    """One of the three convolutions, see `conv`.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel: makes the kernel, as kernel(in_coordinates, out_channels, in_channels).
        sampling: makes the sampling of the output's elements, as sampling().
        partial: let the layer do what its relaxation allows, beyond its group.
        relaxation: makes that of a partial layer, as relaxation(layer), see `Layer`; by default,
            the layer learns which part of the group its output keeps.
        kernel_size: k, width of the window in pixels.
        stride: compute every stride-th pixel; exact where the stride rule holds (see `Windows`).
        dilation: pixels from tap to tap.
        padding: "same" (k odd; the size only shrinks by the stride), "valid", or pixels on every
            side.
        padding_mode: "zeros", or "circular" for periodic images.
        bias: add a learned constant to each output channel.
        rank: R: the kernel of a group convolution is a sum of R products ψ₁(h⁻¹p)·ψ₂(h⁻¹h'), see
            `SeparableKernel`: the layer mixes channels and elements at each pixel, then filters
            each channel alone. The other two have one of the factors, and nothing to separate. A
            relaxation changes the weight of the mixing. None: any function of both.
        separable: the same as rank=1.
        channels_last: convolve with the channels innermost in memory: for bfloat16.

    Raises:
        TypeError: for a sampling, a kernel or a relaxation in place of what makes one.
        Refusal: for padding="same" with an even kernel, and as `Sampling`, the kernel and
            the relaxation do; for separable=True with another rank. When called: for an empty
            batch, or other channels than C_in.
    """

    spatial: ClassVar[bool]  # the kernel reads h⁻¹p
    relative: ClassVar[bool]  # the kernel reads h⁻¹h'
    averages: ClassVar[bool] = False  # over the elements h, so that maps come out

    def __init__(
        self,
        in_channels: Count,
        out_channels: Count,
        *,
        kernel: Callable[..., Kernel],
        sampling: Callable[..., Sampling],
        partial: bool = False,
        relaxation: Callable[..., Relaxation] = LearnedSubset,
        kernel_size: Count = 3,
        stride: Count = 1,
        dilation: Count = 1,
        padding: Literal["same", "valid"] | Natural = "same",
        padding_mode: Literal["zeros", "circular"] = "zeros",
        bias: bool = True,
        rank: Count | None = None,
        separable: bool = False,
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        makers = {"sampling": sampling, "kernel": kernel, "relaxation": relaxation}
        for name, factory in makers.items():
            if isinstance(factory, nn.Module):
                kind = type(factory).__name__
                raise TypeError(
                    f"{name}={kind}(...): every layer makes its own, pass what makes it, such as "
                    f"functools.partial({kind}, ...)"
                )
        if padding == "same" and kernel_size % 2 == 0:
            raise Refusal("padding=same needs an odd number", kernel_size=kernel_size)
        if isinstance(padding, str):
            padding = dilation * (kernel_size // 2) if padding == "same" else 0
        self._windows = Windows(kernel_size, stride, padding, dilation)
        self.padding_mode, self.channels_last = padding_mode, channels_last
        self.sampling = sampling()
        group = self.sampling.group
        self._accept(group)
        in_coordinates = 2 * self.spatial + group.coordinate_size * self.relative
        make = kernel
        if separable:
            if rank not in (None, 1):
                raise Refusal("separable=True is rank=1: leave one of them out", rank=rank)
            rank = 1
        if rank is not None and self.spatial and self.relative:
            make = functools.partial(SeparableKernel, kernel=kernel, rank=rank)
        self.kernel = make(in_coordinates, out_channels, in_channels)
        self.stencil = Stencil(kernel_size, self.kernel.square)
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.partial, self.relaxation = partial, Relaxation()
        whole = self.whole_group()
        coordinates = self.kernel_coordinates(whole, whole)
        variance = 2 / (in_channels * max(self.stencil.num_taps, 1))
        power = 1.0
        if self.relative and not self.kernel.independent:
            power = power_in_a_stack(self, whole, coordinates)
        self.kernel.initialise(group, coordinates, variance / power)
        if not partial:
            return
        if isinstance(self.kernel, SeparableKernel):
            coordinates = self.kernel.apart(coordinates)[1][..., :1, :]
            variance *= self.stencil.num_taps / self.kernel.rank
            out_channels = self.kernel.mixing.out_channels
        self.relaxation = relaxation(
            Layer(
                group,
                self.sampling.num_samples,
                in_channels,
                out_channels,
                kernel,
                coordinates,
                variance / power,
                self.kernel_norm,
            )
        )

    def _accept(self, group: Group) -> None:
        """Check that this layer can serve a group.

        Raises:
            Refusal: if it cannot.
        """

    def windows(self, size: int) -> Windows:
        """Where the windows lie along an axis of `size` pixels."""
        return self._windows

    def kernel_coordinates(self, elements: Tensor, inputs: Tensor) -> Tensor:
        """What the kernel reads, [S, G_out, G_in, T, D], to get to elements h [S, G_out, d] from
        h' [S, G_in, d]. G_in is 1 for a kernel that does not look at h'."""
        group = self.sampling.group
        inverse = group.inverse(elements)
        coordinates = []
        if self.spatial:
            positions = self.stencil.positions @ group.matrix(inverse).mT  # [S, G_out, T, 2]
            coordinates.append(positions[:, :, None])
        if self.relative:
            relative = group.product(inverse[:, :, None], inputs[:, None])  # [S, G_out, G_in, d]
            coordinates.append(group.coordinates(relative)[:, :, :, None])
        shape = torch.broadcast_shapes(*(part.shape[:-1] for part in coordinates))
        return torch.cat([part.expand(*shape, -1) for part in coordinates], dim=-1)

    def kernel_weights(self, feature: GroupFeature, elements: Tensor) -> Tensor:
        """The convolution's weight [S, G_out, C_out, C_in, G_in, k, k], in the parameters'
        precision also under autocast."""
        with torch.autocast(feature.x.device.type, enabled=False):
            (weight,) = Convolution.factors(self, self.reading(feature, elements))
        return weight

    def factors(self, reading: Reading) -> tuple[Tensor, ...]:
        """Weights like `kernel_weights` that are convolved with one after the other; only the last
        one reaches over the pixels. The weight of them all is their product, whose output channels
        `Kernel.added` then adds up."""
        weight = reading.weight(self.kernel)
        with torch.autocast(reading.elements.device.type, enabled=False):
            return (self.relaxation.relax(weight, reading),)

    def reading(self, feature: GroupFeature, elements: Tensor) -> Reading:
        """Where the layer reads its kernel, to compute these elements of this feature; not in
        bfloat16 under autocast either, which angles do not survive."""
        with torch.autocast(feature.x.device.type, enabled=False):
            coordinates = self.kernel_coordinates(elements, feature.elements)
            shares = measure(feature) if self.relative else None
        return Reading(elements, feature.elements, coordinates, shares, self.stencil.spread)

    def kernel_norm(self) -> Tensor:
        """‖ψ‖² (scalar): an output's squared weights, averaged over h', summed over the rest."""
        whole = self.whole_group()
        identity = self.sampling.group.identity(whole.dtype, whole.device)[None, None]
        values = self.kernel(self.kernel_coordinates(identity, whole))  # [1, 1, G, T, C_out, C_in]
        return values.square().sum() / values.shape[2]

    def _generate(
        self, feature: GroupFeature, choose: Callable[[], Sample], asked: Tensor | None = None
    ) -> Generated:
        """The kernel for a feature at the elements that `choose` picks, which are those `asked` for
        by the caller if there are any; a cached one if it fits."""
        if feature.shape[1] != self.kernel.in_channels:
            raise Refusal(
                f"this {type(self).__name__} was given {feature.shape[1]} channels",
                in_channels=self.kernel.in_channels,
            )
        if not len(feature.x):
            raise Refusal(f"this {type(self).__name__} was given an empty batch")
        cache = None if self.training or self.relaxation.depends_on_input else frozen()
        inputs = (feature.elements, feature.weights, asked)
        half = half_precision(feature.x)
        made = None if cache is None else cache.get(self)
        if made is None or not made.fits(inputs, half):
            sample = choose()
            order = self._order(feature, sample).arranged(
                feature.x, None if cache is None else half
            )
            made = Generated(inputs, sample, order, half)
            if cache is not None:
                cache[self] = made
        return made

    def _order(self, feature: GroupFeature, sample: Sample) -> Order:
        """How to respond to a feature at the elements of a sample, with the kernel made for it; in
        the fastest order of those that a relaxation's change of the weights allows."""
        reading, kernel = self.reading(feature, sample.elements), self.kernel
        if (
            isinstance(kernel, ContinuousKernel)
            and not self.relaxation.changes_weights
            and filtering_pays(kernel, reading, feature.x, self._windows.kernel_size)
        ):
            return FilterFirst.of(kernel, reading)
        return InTurn(self.factors(reading), kernel)

    def _sample(self, feature: GroupFeature, generator: torch.Generator | None) -> Sample:
        """The elements of the output: a draw of its own each time, in training."""
        return self.sampling.sample(feature, generator, self.relaxation)

    def _respond(
        self, feature: GroupFeature, choose: Callable[[], Sample], asked: Tensor | None = None
    ) -> GroupFeature:
        """The response at the elements that `choose` picks (`asked`: see `_generate`)."""
        feature = masked(feature) if self.relative else feature
        made = self._generate(feature, choose, asked)
        how = self._windows, self.padding_mode, self.channels_last
        x = made.order.respond(feature.x, self.bias, *how)
        x = x if self.channels_last else x.contiguous()
        sample = made.sample
        group = self.sampling.group
        return GroupFeature(x, sample.elements, sample.weights, sample.offset, group)

    def whole_group(self) -> Tensor:
        """The layer's elements over the whole group [1, n, d]."""
        positions = self.stencil.positions
        grid = self.sampling.group.grid(
            self.sampling.num_samples, positions.dtype, positions.device
        )
        return grid[None]
